/** The aggregations that a label can be proposed for. */
export type Aggregation = 'sum' | 'avg' | 'min' | 'max' | 'count' | 'distinct';
