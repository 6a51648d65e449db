/** The vocabulary o200k_base, by which OpenAI's models since gpt-4o read and write. */

export interface Vocabulary {
  /** One token. */
  has(piece: string): boolean;
  /** How many tokens a piece that is not one token is. Quadratic in its length. */
  merge(piece: string): number;
  /** Matches the piece at `lastIndex`. */
  readonly split: RegExp;
}

/** Takes a quarter of a second and does not yield: to be done before the process is ready. Some 40 MB. */
export async function loadVocabulary(): Promise<Vocabulary> {
  const [{ default: ranks }, { BytePairEncodingCore }, { O200KBase }] = await Promise.all([
    import('gpt-tokenizer/bpeRanks/o200k_base'),
    import('gpt-tokenizer/BytePairEncodingCore'),
    import('gpt-tokenizer/encodingParams/o200k_base'),
  ]);
  const parameters = O200KBase(ranks);
  // Its cache would keep whole prompts alive through the substrings that are its keys.
  const core = new BytePairEncodingCore({ ...parameters, mergeCacheSize: 0 });
  const words = new Set<string>();
  for (const rank of ranks) if (typeof rank === 'string') words.add(rank);
  return {
    has: (piece) => words.has(piece),
    // Without names of special tokens: in a prompt these are plain text, to the providers as well.
    merge: (piece) => core.countNative(piece),
    split: new RegExp(parameters.tokenSplitRegex.source, 'uy'),
  };
}
