/** Clients that speak Anthropic's wire, at providers that speak chat. */
import type { Translator } from '../types.ts';
import { chatToMessagesAnswer } from './answer.ts';
import { messagesToChatBody } from './request.ts';
import { chatStreamToMessages } from './stream.ts';

export const messagesAsChat: Translator = {
  toProvider: messagesToChatBody,
  fromProvider: chatToMessagesAnswer,
  createStream: chatStreamToMessages,
};
