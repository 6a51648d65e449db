/** What is added up while a request is read. */
import { listAt, objectAt, textAt } from '../json.ts';
import type { Json, JsonObject } from '../types.ts';

export interface Tally {
  readonly texts: string[];
  messages: number;
  images: number;
  cutTokens: number;
  hasUnseenInput: boolean;
}

export const emptyTally = (): Tally => ({ texts: [], messages: 0, images: 0, cutTokens: 0, hasUnseenInput: false });

export function addText(tally: Tally, text: unknown): void {
  if (typeof text === 'string' && text !== '') tally.texts.push(text);
}

/** What is not known is counted as it is written. */
export function addJson(tally: Tally, value: Json | undefined): void {
  if (value !== undefined && value !== null)
    tally.texts.push(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A part of a message in the manner of chat. */
export function addChatPart(tally: Tally, part: JsonObject): void {
  switch (part.type) {
    case 'text':
      addText(tally, part.text);
      return;
    case 'refusal':
      addText(tally, part.refusal);
      return;
    case 'image_url':
      tally.images += 1;
      return;
    case 'input_audio':
    case 'file':
      tally.hasUnseenInput = true;
      return;
    default:
      addJson(tally, part);
  }
}

/** A block of a message in the manner of Anthropic. */
export function addBlock(tally: Tally, block: JsonObject): void {
  const source = objectAt(block.source);
  switch (block.type) {
    case 'text':
      addText(tally, block.text);
      return;
    case 'thinking':
      addText(tally, block.thinking);
      return;
    // Encrypted thought; its tokens are about those of its text.
    case 'redacted_thinking':
      addText(tally, block.data);
      return;
    case 'image':
      tally.images += 1;
      return;
    case 'document':
      addText(tally, block.title);
      addText(tally, block.context);
      if (source.type === 'text') {
        addText(tally, source.data);
        return;
      }
      if (source.type === 'content') {
        addBlocks(tally, source.content);
        return;
      }
      tally.hasUnseenInput = true;
      return;
    case 'tool_use':
      addText(tally, block.name);
      addJson(tally, block.input);
      return;
    case 'tool_result':
      addBlocks(tally, block.content);
      return;
    default:
      addJson(tally, block);
  }
}

export function addBlocks(tally: Tally, content: Json | undefined): void {
  const text = textAt(content);
  if (text !== undefined) {
    addText(tally, text);
    return;
  }
  for (const block of listAt(content)) addBlock(tally, objectAt(block));
}
