/** Clients that speak Responses, at providers that speak chat. */
import type { Translator } from '../types.ts';
import { chatToResponse } from './answer.ts';
import { responsesToChat } from './request.ts';
import { chatStreamToResponses } from './stream.ts';

export const responsesAsChat: Translator = {
  toProvider: responsesToChat,
  fromProvider: chatToResponse,
  createStream: chatStreamToResponses,
};
