/** Texts made safe for spreadsheets. */

/**
 * SQL that puts ' before a text that a spreadsheet would run as a formula: one that begins with = @ tab or carriage return, or with + or -
 * unless it is only digits and the signs of a number or telephone number.
 */
export function formulaSafe(sql: string): string {
  return `CASE WHEN regexp_matches(${sql}, '^[=@\\t\\r]') OR (regexp_matches(${sql}, '^[+-]') AND NOT regexp_full_match(${sql}, '[+-][0-9 .,()-]*')) THEN '''' || ${sql} ELSE ${sql} END`;
}
