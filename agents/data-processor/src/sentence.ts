/** Ends a text with a full stop, where it does not end a sentence already: the advice of an error follows it. */
export const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`);
