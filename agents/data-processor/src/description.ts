/** The long text about the agent, for people who choose one. */
export const description = `
Takes one table or several and gives back clean ones. Reads CSV, TSV, JSON, NDJSON, XML, XLSX and Parquet in UTF-8, UTF-16 and
Windows-1256, and finds out format, encoding and delimiter by itself.

**Steps** rename, select, cast, trim, fill, split, filter, derive, deduplicate, sort, aggregate, join and pivot. Conditions and computed
columns are written in a small expression language: \`amount * 1.15\`, \`status in ('paid', 'sent') and year(ordered) = 2026\`.

**Checks** every row against a JSON Schema. Bad rows are reported with row number, column, value and rule; you choose whether they are
left out, fail the run, or lose the bad value.

**Reports** a profile of each column (type, nulls, distinct values, range, mean, outliers), a quality score with its formula and terms,
and how many rows went into and came out of each step.

Numbers stay exact: decimals keep their digits, large integers stay whole, leading zeros stay text. A million rows take seconds.
`.trim();
