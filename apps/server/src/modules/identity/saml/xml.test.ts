import { expect, test } from 'vitest';
import { localPath } from './return-to.ts';
import { elementsOf, onlyChild, parseXml, textOf } from './xml.ts';

// Each is refused for its own reason: behind the one line of defence stand the others.
test.each([
  ['<!-- x --><a/>', 'a comment, CDATA, document type or instruction'],
  ['<a><!-- x --></a>', 'a comment, CDATA, document type or instruction'],
  ['<a><![CDATA[x]]></a>', 'a comment, CDATA, document type or instruction'],
  ['<!DOCTYPE a><a/>', 'a comment, CDATA, document type or instruction'],
  ['<a><?x y?></a>', 'a comment, CDATA, document type or instruction'],
  ['<?xml version="1.0"?><?xml version="1.0"?><a/>', 'a comment, CDATA, document type or instruction'],
  ['<a/><?xml version="1.0"?>', 'a comment, CDATA, document type or instruction'],
  ['<a>&nbsp;</a>', 'an entity'],
  ['<a b="&x;"/>', 'an entity'],
  ['<a>&</a>', 'an entity'],
  ['<a>&#99999999;</a>', 'an entity'],
  ['<a>\u0001</a>', 'a forbidden character'],
  ['<a>\ud800</a>', 'a forbidden character'],
  ['<a>&#0;</a>', 'a forbidden character'],
  ['<a b="&#1;"/>', 'a forbidden character'],
  ['<a>&#xD800;</a>', 'a forbidden character'],
  ['<a>', 'not well-formed'],
  ['<a></b>', 'not well-formed'],
  ['<a b=c/>', 'not well-formed'],
  ['<a b="1" b="2"/>', 'not well-formed'],
  ['<a b/>', 'not well-formed'],
  ['<a/><b/>', ''],
  ['<a/>x', ''],
  ['x', ''],
  ['', ''],
])('refused: %s', (text, reason) => {
  expect(() => parseXml(text)).toThrow(reason);
});

test('depth and number of elements have an end', () => {
  const nested = (depth: number) => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
  expect(elementsOf(parseXml(nested(40)))).toHaveLength(40);
  expect(() => parseXml(nested(41))).toThrow('too deep');
  expect(() => parseXml(`<a>${'<b/>'.repeat(20_000)}</a>`)).toThrow('too many');
});

test('text is read where there is nothing but text', () => {
  const root = parseXml(
    '<a xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><b>x &amp; &#x79;</b><c>x<d/></c><e/><e/></a>',
  );
  expect(textOf(onlyChild(root, 'assertion', 'b'))).toBe('x & y');
  expect(() => textOf(onlyChild(root, 'assertion', 'c'))).toThrow('elements in c');
  expect(() => onlyChild(root, 'assertion', 'e')).toThrow('not exactly one e');
  expect(() => onlyChild(root, 'protocol', 'b')).toThrow('not exactly one b');
});

test.each([
  ['/runs?a=b#c', '/runs?a=b#c'],
  ['/', '/'],
  ['//evil.example/x', '/'],
  ['/\\evil.example', '/'],
  ['/\t/evil.example', '/'],
  ['https://evil.example', '/'],
  ['runs', '/'],
  ['', '/'],
])('the way on from %s is %s', (wanted, path) => {
  expect(localPath(wanted)).toBe(path);
});
