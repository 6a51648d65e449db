import { describe, expect, it } from 'vitest';
import { armFailpoints } from './index.ts';

describe('failpoints', () => {
  it.each(['nowhere=crash', 'begin.after=explode', 'begin.after', 'begin.after=crash@x', 'begin.after=crash,x'])(
    'refuse what cannot be armed: %s',
    (text) => {
      expect(() => armFailpoints(text)).toThrow('no such place or action');
    },
  );

  it('do nothing where nothing is armed', () => {
    expect(armFailpoints('')('begin.after')).toBeUndefined();
    expect(armFailpoints('step.after-work=throw')('begin.after')).toBeUndefined();
  });

  it('fire once, at the passage that is named', () => {
    const failpoint = armFailpoints('begin.after=throw@3,step.after-work=throw');
    expect([failpoint('begin.after'), failpoint('begin.after')]).toEqual([undefined, undefined]);
    expect(() => failpoint('begin.after')).toThrow('failpoint begin.after');
    expect(failpoint('begin.after')).toBeUndefined();
    expect(() => failpoint('step.after-work')).toThrow('failpoint step.after-work');
  });
});
