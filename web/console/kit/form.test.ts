import { describe, expect, test, vi } from "vitest";

vi.hoisted(() => {
  const nothing = () => undefined;
  const window = { addEventListener: nothing };
  Object.assign(globalThis, { window, location: { hash: "" } });
});

const { Form } = await import("./form.svelte");

const STORED = { when: "always", week: [1], zone: "pl" };
const together = [["when", "week"] as const];

/** Of what somebody else changes at the same time. */
function twoForms(options: { together?: typeof together } = {}) {
  let stored = { ...STORED };
  const form = new Form({
    ...options,
    initial: stored,
    fresh: async () => structuredClone(stored),
    save: async (values) => (stored = values),
  });
  return {
    form,
    theirs: (change: Partial<typeof STORED>) => (stored = { ...stored, ...change }),
    stored: () => stored,
  };
}

describe("two who change the same", () => {
  test("lose nothing of different fields, although neither has been told of the other", async () => {
    const { form, theirs, stored } = twoForms();
    form.values.zone = "en";
    theirs({ when: "hours" });
    expect(await form.submit()).toBe(true);
    expect(stored()).toEqual({ when: "hours", week: [1], zone: "en" });
    expect(form.values).toEqual(stored());
  });

  test("are told once of the same field before it is stored", async () => {
    const { form, theirs, stored } = twoForms();
    form.values.zone = "en";
    theirs({ zone: "de" });
    expect(await form.submit()).toBe(false);
    expect([form.isContested, form.state, stored().zone]).toEqual([true, "failed", "de"]);
    theirs({ zone: "fr" });
    expect(await form.submit()).toBe(false);
    expect(await form.submit()).toBe(true);
    expect([form.isContested, stored().zone]).toEqual([false, "en"]);
  });

  test("have all of a group from one of them", async () => {
    for (const change of [{ week: [2] }, { when: "never" }, { week: [2], when: "never" }]) {
      const { form, theirs, stored } = twoForms({ together });
      form.values.when = "hours";
      theirs({ ...change, zone: "de" });
      expect(await form.submit()).toBe(false);
      expect(form.isContested).toBe(true);
      expect(form.values).toEqual({ when: "hours", week: [1], zone: "de" });
      expect(await form.submit()).toBe(true);
      expect(stored()).toEqual({ when: "hours", week: [1], zone: "de" });
    }
  });

  test("agree by themselves", async () => {
    const { form, theirs } = twoForms({ together });
    form.values.zone = "de";
    theirs({ zone: "de", week: [2] });
    expect(await form.submit()).toBe(true);
    expect(form.values).toEqual({ when: "always", week: [2], zone: "de" });
  });
});

test("a field is called what it likes", async () => {
  const form = new Form<Record<string, number>>({ initial: {}, save: async () => undefined });
  for (const name of ["constructor", "toString"]) {
    expect(form.errorOf(name)).toBeUndefined();
    form.leave(name);
    expect(form.errorOf(name)).toBeUndefined();
  }
  form.reset({ constructor: 1 });
  form.merge({});
  expect(Object.keys(form.values)).toEqual([]);
});
