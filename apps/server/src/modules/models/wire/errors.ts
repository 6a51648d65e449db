/** What the wires refuse before anything is held or sent. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const wireErrors = defineErrors('models', {
  invalidRequest: [
    'invalid-request',
    400,
    'The request is not one that a model can be asked with.',
    'Correct what is named here and send it again. Nothing was charged.',
  ],
  wrongWire: [
    'wrong-wire',
    400,
    'The body is written for another route.',
    'Send it to the route that is named here, or rewrite it for this one. Nothing was charged.',
  ],
  notTranslatable: [
    'not-translatable',
    422,
    'The request asks for something that this model has no equivalent for.',
    'Leave it out, or choose a model whose provider speaks the language of this route. Nothing was charged.',
  ],
  unreadableAnswer: [
    'unreadable-answer',
    502,
    'The provider sent an answer that is not of its own language.',
    'Try again or choose another model. What was delivered until then is charged.',
  ],
});
