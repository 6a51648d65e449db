/** `total_amount` and `totalAmount` become `total amount`; names with spaces stay as they are. */
export function humanise(name: string): string {
  if (/\s/.test(name)) return name;
  return name
    .replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .replace(/[_-]+/g, ' ')
    .trim();
}

/** For headings: the first letter large. */
export const heading = (name: string): string => {
  const text = humanise(name);
  return text.slice(0, 1).toLocaleUpperCase('en') + text.slice(1);
};
