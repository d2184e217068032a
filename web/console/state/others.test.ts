/** What is one person's is never said as another's, nor long after; and what a browser has kept badly breaks nothing. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { COLLEAGUE, FakeServer, FakeSocket, ME, Memory, random, serve } from "./fake-server";
import type { Live } from "./live.svelte";

const SESSION_OVER = 4011;
const HOUR_MS = 3_600_000;

let server: FakeServer;
let memory: Memory;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("addEventListener", () => undefined);
  const documentElement = { lang: "pl" };
  vi.stubGlobal("document", { hidden: false, addEventListener: () => undefined, documentElement });
  vi.stubGlobal("location", { protocol: "https:", host: "chat.example.org" });
  memory = new Memory();
  vi.stubGlobal("localStorage", memory);
  server = new FakeServer(random(1));
  server.isCalm = true;
  serve(server);
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => server.fetch(address, init));
  vi.resetModules();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function enter(): Promise<Live> {
  const [{ Live }, { Api }] = await Promise.all([import("./live.svelte"), import("./api")]);
  return new Live(ME, new Api());
}

const wait = (ms = 5_000) => vi.advanceTimersByTimeAsync(ms);
const keep = (name: string, value: unknown) => memory.setItem(`rozmowa.${name}`, JSON.stringify(value));
const texts = ({ log }: { log: readonly object[] }) =>
  log.map((event) => (event as { text?: string }).text).filter(Boolean);

test("on a line of somebody else nothing is said, and nothing that it tells is taken", async () => {
  const one = server.open(ME);
  const live = await enter();
  live.show(one.id);
  await wait();
  server.whose = COLLEAGUE;
  server.cut();
  live.say(one.id, "reply", "mine");
  live.say(one.id, "note", "my note");
  server.add(one, { kind: "message", by: "client", text: "theirs" });
  await wait();
  expect([live.lineState, live.overCode]).toEqual(["over", SESSION_OVER]);
  live.type(one.id, true);
  live.see(one.id);
  await wait();
  expect(texts(one)).toEqual(["theirs"]);
  expect(one.agentRead).toBe(0);
  expect(texts({ log: live.log(one.id)!.events })).toEqual([]);
  expect(live.outbox.of(one.id).map(({ state }) => state)).toEqual(["sending", "sending"]);

  // Who it was is back: all goes on.
  server.whose = ME;
  live.resume();
  await wait();
  expect(texts(one).sort()).toEqual(["mine", "my note", "theirs"]);
  expect(texts({ log: live.log(one.id)!.events })).toEqual(texts(one));
  live.end();
});

test("what has waited for more than an hour is said when somebody wants it, not by itself", async () => {
  const one = server.open(ME);
  const unsent = { conversation: one.id, how: "reply", files: [] };
  keep(`unsent.${ME}.old`, { ...unsent, id: "old", text: "old", at: Date.now() - 20 * 24 * HOUR_MS });
  keep(`unsent.${ME}.new`, { ...unsent, id: "new", text: "new", at: Date.now() - HOUR_MS / 2 });
  const live = await enter();
  live.show(one.id);
  await wait();
  expect(texts(one)).toEqual(["new"]);
  expect(live.outbox.of(one.id)).toMatchObject([{ id: "old", state: "failed" }]);

  // A page that stands open for as long is no other.
  server.whose = COLLEAGUE;
  server.cut();
  live.say(one.id, "reply", "late");
  await wait(2 * HOUR_MS);
  server.whose = ME;
  live.resume();
  await wait();
  expect(texts(one)).toEqual(["new"]);
  const states = () => live.outbox.of(one.id).map(({ text, state }) => `${text} ${state}`);
  expect(states()).toEqual(["old failed", "late failed"]);

  live.outbox.again("old");
  await wait();
  expect(texts(one)).toEqual(["new", "old"]);
  expect(states()).toEqual(["late failed"]);
  live.outbox.discard(live.outbox.of(one.id)[0]!.id);
  expect(Object.keys(memory).filter((name) => name.includes("unsent"))).toEqual([]);
  live.end();
});

test("what was kept in another shape is dropped", async () => {
  const { id } = server.open(ME);
  const whole = { id: "x", conversation: id, how: "reply", text: "text", at: Date.now(), files: [] };
  const wrong = [
    null,
    "text",
    [],
    {},
    { ...whole, id: "another" },
    { ...whole, how: "shout" },
    { ...whole, text: 7 },
    { ...whole, at: "now" },
    { ...whole, files: undefined },
    { ...whole, files: [null] },
    { ...whole, why: {} },
    { ...whole, conversation: ["toString"] },
  ];
  for (const [at, one] of wrong.entries())
    keep(`unsent.${ME}.${at}`, one && at > 4 ? { ...one, id: `${at}` } : one);
  memory.setItem(`rozmowa.unsent.${ME}.x`, "{");
  const live = await enter();
  await wait();
  expect(live.outbox.isEmpty).toBe(true);

  const { Drafts } = await import("./drafts");
  const draft = { reply: "reply", note: "", whisper: "", at: Date.now() };
  const badly = [
    null,
    "text",
    [],
    {},
    { ...draft, note: undefined },
    { ...draft, reply: 7 },
    { ...draft, at: null },
  ];
  for (const [at, one] of badly.entries()) keep(`draft.${ME}.${at}`, one);
  keep(`draft.${ME}.good`, draft);
  const drafts = new Drafts(ME);
  for (const at of badly.keys())
    expect(drafts.read(`${at}`)).toMatchObject({ reply: "", note: "", whisper: "" });
  expect(drafts.read("good").reply).toBe("reply");
  expect(Object.keys(memory)).toEqual([`rozmowa.draft.${ME}.good`]);
  live.end();
});

test("drafts are of who has typed them: tab by tab, and until the sign-out", async () => {
  const { Drafts } = await import("./drafts");
  const [here, there, colleague] = [new Drafts(ME), new Drafts(ME), new Drafts(COLLEAGUE)];
  here.write("c", { reply: "typed here" });
  there.write("c", { note: "typed there" });
  colleague.write("c", { reply: "of a colleague" });
  keep(`unsent.${ME}.1`, "stays");
  expect(here.read("c")).toMatchObject({ reply: "typed here", note: "typed there" });
  here.forgetAll();
  // The editor says once more what was in it when it goes.
  here.write("c", { reply: "typed here" });
  expect(new Drafts(ME).read("c")).toMatchObject({ reply: "", note: "" });
  expect(new Drafts(COLLEAGUE).read("c").reply).toBe("of a colleague");
  expect(Object.keys(memory)).toContain(`rozmowa.unsent.${ME}.1`);
});
