import { expect, test } from "vitest";
import { newest } from "./newest";

test("whoever waits gets what was asked for last, in whatever order it comes", async () => {
  const answers: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  const read = newest(() => new Promise<string>((resolve, reject) => answers.push({ resolve, reject })));
  const [first, second, third] = [read(), read(), read()];
  answers[1]!.reject(new Error("of no interest"));
  answers[2]!.resolve("new");
  answers[0]!.resolve("old");
  expect(await Promise.all([first, second, third])).toEqual(["new", "new", "new"]);
  const failing = read();
  answers[3]!.reject(new Error("unreachable"));
  await expect(failing).rejects.toThrow("unreachable");
});
