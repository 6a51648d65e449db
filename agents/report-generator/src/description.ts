/** What the catalogue says about the agent. */
export const DESCRIPTION = `Turns rows into a report that can be handed over: **PDF**, **HTML** in one file, **XLSX** with typed cells, and **JSON** with every number in full.

Choose a house template (analytics, financial, operational, executive, technical) and give data: the report proposes figures, charts, tables and findings from the columns. Or say exactly what to show, or write an own template with Liquid.

- **Data**: files (CSV, TSV, JSON, NDJSON, XLSX), inline records, or the organisation's own usage; up to 200,000 rows for each source.
- **Period** with comparison to the one before or to the year before.
- **Findings** (largest contributor, strongest change, outliers, trend) carry their formula and the numbers that went in, so that anyone can compute them again.
- **Numbers** are exact decimals. Quotients keep 12 digits; what is shown is rounded half away from zero.
- **Branding**: logo, two colours, two typefaces. English and Arabic, right to left, with western or eastern digits.

Texts are rendered and data is read in a child process with limits. A template that never ends or asks for files is refused; a failed report costs nothing.`;
