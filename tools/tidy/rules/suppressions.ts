/** Nothing is silenced: neither the compiler nor an error. */
import { commentsOf, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

const SILENCERS = /^\s*@ts-(ignore|nocheck)\b/;

function findingsOf(file: SourceFile): readonly Finding[] {
  const comments = commentsOf(file);
  const found: Finding[] = comments
    .filter((comment) => SILENCERS.test(comment.value))
    .map((comment) => ({
      path: file.path,
      line: lineAt(file, comment.start),
      message: 'the compiler is silenced: fix the type',
    }));
  walk(file, (node) => {
    const line = lineAt(file, node.start);
    if (node.type === 'TSAsExpression' && node.typeAnnotation.type === 'TSAnyKeyword') {
      found.push({ path: file.path, line, message: 'a cast to any: parse, narrow, or name the type' });
    }
    if (node.type === 'CatchClause' && node.body.body.length === 0) {
      const explained = comments.some((comment) => comment.start > node.body.start && comment.end < node.body.end);
      if (!explained)
        found.push({ path: file.path, line, message: 'an empty catch: handle the error or say why it may be lost' });
    }
  });
  return found;
}

/** Silenced type errors, casts to any, empty catches. */
export const suppressions: Rule = (files) => files.filter(isTypeScript).flatMap(findingsOf);
