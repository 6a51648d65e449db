/** What a house rule sees and says. */

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  /** Empty for a file that is not text. */
  readonly text: string;
  readonly bytes: number;
}

export interface Finding {
  readonly path: string;
  /** 0 where the whole file is meant. */
  readonly line: number;
  /** What is wrong and what to do instead. */
  readonly message: string;
}

/** A pure function of the tree: the same files give the same findings. */
export type Rule = (files: readonly SourceFile[]) => readonly Finding[];
