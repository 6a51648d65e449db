/** Text whose number of o200k tokens is known: every word is one token, with or without the space before it. */

const WORDS =
  'the of and to in is it for was on are as with they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part'.split(
    ' ',
  );

/** The word at a place of the default text, as the token it is. */
export function wordToken(index: number): string {
  const word = WORDS[index % WORDS.length] ?? '';
  return index === 0 ? word : ` ${word}`;
}

/** The default text token by token. */
export function wordTokens(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => wordToken(index));
}
