/** For everybody: by keyboard, by screen reader, in both languages and both themes. */
import { describe, expect, test } from "vitest";
import { violations } from "./axe";
import { useStage } from "./hooks";
import { expectSame } from "./log";
import { CLAUSES, CONFIG, SCENES, writeClauses } from "./scenes";
import { wideIn } from "./sideways";
import { until } from "./until";
import type { Visitor } from "./visitor";
import { LANGUAGES } from "./words";

const stage = useStage({ config: CONFIG });

const THEMES = ["light", "dark"] as const;
const NARROWEST = { width: 320, height: 568 };

/** As scripts can't: into the bubble's shadow root. */
function openRoots(): void {
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (init) {
    return attach.call(this, { ...init, mode: "open" });
  };
}

describe.each(LANGUAGES)("axe-core finds nothing (%s)", (language) => {
  test.each(SCENES)("$name", async ({ set }) => {
    const visitor = await set(stage(), language, { reducedMotion: "reduce" });
    for (const colorScheme of THEMES) {
      await visitor.wantTheme(colorScheme);
      expect(await violations(visitor.chat), colorScheme).toEqual([]);
    }
    await visitor.page.setViewportSize(NARROWEST);
    await expect
      .poll(() => visitor.chat.evaluate(() => window.innerWidth))
      .toBeLessThanOrEqual(NARROWEST.width);
    expect(await wideIn(visitor.chat), "nothing is wider than the narrowest screen").toEqual([]);
  });

  test("in the shop's page", async () => {
    const context = await stage().person(language, { reducedMotion: "reduce" });
    await context.addInitScript(openRoots);
    const visitor = await stage().inShop(await stage().queue(), { language, context });
    await until("the bubble", () => visitor.bubble());
    for (const colorScheme of THEMES) {
      await visitor.page.emulateMedia({ colorScheme });
      expect(await violations(visitor.page), colorScheme).toEqual([]);
    }
    await visitor.open();
    expect(await violations(visitor.page)).toEqual([]);
    const frame = visitor.page.getByTitle(visitor.words.loader("frame"));
    expect(await frame.count(), "the frame has a name").toBe(1);
  });
});

/** What has the focus, as a screen reader would say it. */
async function focusOf(visitor: Visitor): Promise<{ tag: string; name: string }> {
  return visitor.chat.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const label =
      element.getAttribute("aria-label") ?? (element as HTMLInputElement).labels?.[0]?.textContent;
    const isSeen = element.getClientRects().length > 0;
    return { tag: isSeen ? element.tagName : "NOTHING", name: (label ?? element.textContent ?? "").trim() };
  });
}

/** Presses a key until what has the focus is called so. */
async function go(visitor: Visitor, name: string | RegExp, key = "Tab", atMost = 30): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < atMost; presses++) {
    const { name: focused } = await focusOf(visitor);
    if (typeof name === "string" ? focused.startsWith(name) : name.test(focused)) return;
    seen.push(focused);
    await visitor.page.keyboard.press(key);
  }
  throw new Error(`${key} did not lead to ${name}, but to ${seen.join(" · ")}`);
}

async function expectFocus(visitor: Visitor): Promise<void> {
  await until("the focus is somewhere", async () => {
    const { tag } = await focusOf(visitor);
    return tag !== "BODY" && tag !== "HTML" && tag !== "NOTHING";
  });
}

test("the whole chat, by keyboard alone", async () => {
  const { anna, server } = stage();
  const clauses = await writeClauses(stage());
  const queue = await stage().queue({ clauses, widget: { asks_name: "required" } });
  const visitor = await stage().inShop(queue);
  const { keyboard } = visitor.page;
  await until("the bubble", () => visitor.bubble());
  await until("Tab leads to the bubble", async () => {
    await keyboard.press("Tab");
    return (await visitor.bubble())?.isFocused;
  });
  await keyboard.press("Enter");
  await until("the frame", () => visitor.frame());
  await visitor.editor.waitFor();
  await until("the chat has the focus", () => visitor.chat.evaluate(() => document.hasFocus()));

  // The form, with a fault on the way.
  await go(visitor, visitor.t("start"));
  await keyboard.press("Enter");
  await visitor.sees(visitor.t("needed"));
  await until("the fault has the focus", async () =>
    (await focusOf(visitor)).name.startsWith(visitor.t("name")),
  );
  await keyboard.type("Jan");
  await go(visitor, visitor.t("message"));
  await keyboard.type("Gdzie jest paczka?");
  await go(visitor, CLAUSES.kept.en);
  await keyboard.press("Space");
  await go(visitor, visitor.t("start"));
  await keyboard.press("Enter");
  await visitor.log.waitFor();
  await until("writing goes on", async () => (await focusOf(visitor)).name === visitor.t("message"));

  // Talking.
  const conversation = await server.conversationOf(queue);
  await anna.claim(conversation);
  await keyboard.type("Numer 7");
  await keyboard.press("Enter");
  await anna.hears(conversation, "Numer 7");
  await anna.say(conversation, "Już jedzie.");
  await visitor.sees("Już jedzie.");
  await expectFocus(visitor);
  await go(visitor, visitor.t("attach"), "Shift+Tab");
  const [dialog] = await Promise.all([visitor.page.waitForEvent("filechooser"), keyboard.press("Enter")]);
  await dialog.setFiles([{ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") }]);
  const remove = visitor.t("remove_file", { name: "a.txt" });
  await visitor.chat.getByRole("button", { name: remove }).waitFor();
  await go(visitor, remove, "Shift+Tab");
  await keyboard.press("Enter");
  await visitor.chat.getByRole("button", { name: remove }).waitFor({ state: "hidden" });
  await expectFocus(visitor);
  // What scrolls can be scrolled.
  await go(visitor, visitor.t("log"), "Shift+Tab");

  // Put away, and taken up again.
  await keyboard.press("Escape");
  await until("the bubble has the focus", async () => (await visitor.bubble())?.isFocused);
  await keyboard.press("Enter");
  await until("the chat has the focus", () => visitor.chat.evaluate(() => document.hasFocus()));
  await expectFocus(visitor);

  // The end.
  await go(visitor, visitor.t("menu"), "Shift+Tab");
  await keyboard.press("Enter");
  await visitor.button("end").first().waitFor();
  await go(visitor, visitor.t("end"));
  await keyboard.press("Enter");
  const asked = visitor.chat.getByRole("dialog", { name: visitor.t("end_question") });
  await asked.waitFor();
  expect(
    await asked.evaluate((it) => it.contains(document.activeElement)),
    "the question has the focus",
  ).toBe(true);
  await keyboard.press("Escape");
  await asked.waitFor({ state: "hidden" });
  await expectFocus(visitor);
  await go(visitor, visitor.t("menu"), "Shift+Tab");
  await keyboard.press("Enter");
  await go(visitor, visitor.t("end"));
  await keyboard.press("Enter");
  await asked.waitFor();
  await go(visitor, visitor.t("end"));
  await keyboard.press("Enter");
  await visitor.sees(visitor.t("rate_question"));
  await expectFocus(visitor);
  await go(visitor, new RegExp(`${visitor.t("rate_sad")}|${visitor.t("rate_happy")}`));
  await keyboard.press("Space");
  await keyboard.press("ArrowRight");
  await go(visitor, visitor.t("rate_send"));
  await keyboard.press("Enter");
  await visitor.sees(visitor.t("rated"));
  await expectFocus(visitor);
  await expectSame(server, conversation, [visitor]);
  await go(visitor, visitor.t("start_new"));
  await keyboard.press("Enter");
  await visitor.editor.waitFor();
  await expectFocus(visitor);
});

/** How what holds a text is announced: `log`, `status`, `alert`, or nothing. */
function announced(visitor: Visitor, text: string): Promise<string> {
  return visitor.chat
    .getByText(text)
    .first()
    .evaluate((element) => {
      for (let it: Element | null = element; it; it = it.parentElement) {
        const live = it.getAttribute("aria-live");
        if (live === "off") return "nothing";
        const role = it.getAttribute("role");
        if (role === "log" || role === "status" || role === "alert") return role;
        if (live) return live;
      }
      return "nothing";
    });
}

test("what happens is announced, and no more than that", async () => {
  const { anna, server } = stage();
  const queue = await stage().queue({ widget: { asks_email: "required" } });
  const visitor = await stage().inShop(queue);
  await visitor.open();
  await visitor.button("start").click();
  const email = visitor.field("email");
  await expect.poll(() => email.getAttribute("aria-invalid")).toBe("true");
  const described = await email.getAttribute("aria-describedby");
  const fault = await visitor.chat.evaluate(
    (id) => document.getElementById(id ?? "")?.textContent,
    described,
  );
  expect(fault, "a fault is told with its field").toBe(visitor.t("needed"));
  await visitor.start({ text: "Dzień dobry", email: "jan@example.org" });
  await visitor.sees(visitor.t("next"));
  expect(await announced(visitor, visitor.t("next"))).toBe("status");
  const conversation = await server.conversationOf(queue);
  await anna.claim(conversation);
  await visitor.sees(visitor.t("assigned", { name: "Anna" }));
  expect(await announced(visitor, visitor.t("assigned", { name: "Anna" }))).toBe("log");
  anna.types(conversation);
  await visitor.sees(visitor.t("is_typing", { name: "Anna" }));
  expect(await announced(visitor, visitor.t("is_typing", { name: "Anna" }))).toBe("nothing");
  await anna.say(conversation, "Witam.");
  await visitor.sees("Witam.");
  expect(await announced(visitor, "Witam.")).toBe("log");
  await expect.poll(() => visitor.log.getAttribute("aria-busy")).not.toBe("true");
  // Who said it is there to be heard, too.
  expect(await visitor.log.innerText()).toMatch(/Anna\s+Witam\./);
  await server.stop();
  await visitor.sees(visitor.t("reconnecting"));
  expect(await announced(visitor, visitor.t("reconnecting"))).toBe("status");
  await server.again();
  await visitor.seesNot(visitor.t("reconnecting"));
});
