/** Running text as a tree of the few things a report needs. HTML and PDF are written from it, so nothing else can get into them. */

export type Inline =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly strong?: true;
      readonly emphasis?: true;
      readonly code?: true;
      readonly href?: string;
    }
  | { readonly kind: 'break' };

export type ProseNode =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly inlines: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly inlines: readonly Inline[] }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly ProseNode[])[] }
  | { readonly kind: 'quote'; readonly nodes: readonly ProseNode[] }
  | { readonly kind: 'code'; readonly text: string }
  | {
      readonly kind: 'table';
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: 'rule' };
