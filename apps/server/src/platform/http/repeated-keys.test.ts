import { describe, expect, it } from 'vitest';
import { assertKeysOnce, findRepeatedKey } from './repeated-keys.ts';

const judge = (text: string): unknown => {
  try {
    assertKeysOnce(text, JSON.parse(text));
    return undefined;
  } catch (error) {
    return error;
  }
};

describe('a key that stands twice in its object', () => {
  it.each([
    ['{"a":1,"a":2}', '/a'],
    ['{"a":1,"b":{"c":[0,{"d":1},{"d":1,"e":2,"d":3}]}}', '/b/c/2/d'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"a"\t\n :1,\r\n"a" :2}', '/a'],
    ['{"":1,"":2}', '/'],
    ['{"a\\"":1,"a\\"":2}', '/a"'],
    ['{"a\\\\":1,"a\\\\":2}', '/a\\'],
    ['{"a/b~c":1,"a/b~c":2}', '/a~1b~0c'],
    ['[[],[{"x":{"y":1,"y":1}}]]', '/1/0/x/y'],
    ['{"a":{"b":1},"a":{"b":1}}', '/a'],
    ['{"a":":x","b":"{\\"c\\":1}","a":0}', '/a'],
    ['{"1":0,"1":0}', '/1'],
    ['{"constructor":0,"constructor":0}', '/constructor'],
  ])('%s is refused as %s', (text, path) => {
    expect(judge(text)).toMatchObject({
      spec: { code: 'http.duplicate-key', status: 400 },
      details: { errors: [{ path, message: 'stands twice in its object' }] },
    });
  });

  it.each([
    '{}',
    '[]',
    '"a"',
    '":"',
    '0',
    'null',
    '{"a":{"a":{"a":[{"a":1},{"a":1}]}},"b":{"a":1}}',
    '{"a":":","b":":a","c":["a",":a","b",":a"]}',
    '{"a":"a\\":1,\\"a\\":2"}',
    '{"a\\\\":1,"a":"\\\\","\\\\":":"}',
    '{"a":"","A":"", "a ":"{[,:"}',
    '{"hasOwnProperty":1,"toString":{"valueOf":2}}',
  ])('%s has none', (text) => {
    expect(judge(text)).toBeUndefined();
    expect(findRepeatedKey(text)).toBeUndefined();
  });
});
