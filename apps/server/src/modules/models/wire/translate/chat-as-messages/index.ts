/** Clients that speak chat, at providers that speak Anthropic's wire. */
import type { Translator } from '../types.ts';
import { messagesToChat } from './answer.ts';
import { chatToMessages } from './request.ts';
import { messagesStreamToChat } from './stream.ts';

export const chatAsMessages: Translator = {
  toProvider: chatToMessages,
  fromProvider: messagesToChat,
  createStream: messagesStreamToChat,
};
