/** What can be set, and where: each section is loaded when it is first opened. */
import Ban from "@lucide/svelte/icons/ban";
import Building from "@lucide/svelte/icons/building";
import Coffee from "@lucide/svelte/icons/coffee";
import ContactRound from "@lucide/svelte/icons/contact-round";
import FolderTree from "@lucide/svelte/icons/folder-tree";
import KeyRound from "@lucide/svelte/icons/key-round";
import Layers from "@lucide/svelte/icons/layers";
import ListOrdered from "@lucide/svelte/icons/list-ordered";
import Mail from "@lucide/svelte/icons/mail";
import MessageSquareText from "@lucide/svelte/icons/message-square-text";
import ScrollText from "@lucide/svelte/icons/scroll-text";
import ShieldCheck from "@lucide/svelte/icons/shield-check";
import Tags from "@lucide/svelte/icons/tags";
import TextCursorInput from "@lucide/svelte/icons/text-cursor-input";
import UserRoundX from "@lucide/svelte/icons/user-round-x";
import Users from "@lucide/svelte/icons/users";
import Webhook from "@lucide/svelte/icons/webhook";
import type { Component } from "svelte";
import type { Key } from "../texts.svelte";

/** What stands behind the section in the address: `#/settings/queues/3/widget` gives `["3", "widget"]`. */
export interface SectionProps {
  path: readonly string[];
}

export interface Section {
  /** In the address, after `#/settings/`. */
  name: string;
  label: Key;
  icon: Component<{ size?: number | string }>;
  load: () => Promise<{ default: Component<SectionProps> | Component }>;
  /** Takes all the width that there is. */
  isWide?: boolean;
}

export interface Group {
  label: Key;
  sections: readonly Section[];
}

export const GROUPS: readonly Group[] = [
  {
    label: "settings_people",
    sections: [
      {
        name: "queues",
        label: "settings_queues",
        icon: Layers,
        load: () => import("./queues/Queues.svelte"),
        isWide: true,
      },
      {
        name: "agents",
        label: "settings_agents",
        icon: Users,
        load: () => import("./agents/Agents.svelte"),
      },
      {
        name: "pauses",
        label: "settings_pauses",
        icon: Coffee,
        load: () => import("./pauses/Pauses.svelte"),
      },
      {
        name: "routing",
        label: "settings_routing",
        icon: ListOrdered,
        load: () => import("./routing/Routing.svelte"),
      },
    ],
  },
  {
    label: "settings_talks",
    sections: [
      {
        name: "canned",
        label: "settings_canned",
        icon: MessageSquareText,
        load: () => import("./canned/Canned.svelte"),
      },
      {
        name: "topics",
        label: "settings_topics",
        icon: FolderTree,
        load: () => import("./topics/Topics.svelte"),
      },
      { name: "tags", label: "settings_tags", icon: Tags, load: () => import("./tags/Tags.svelte") },
      {
        name: "clauses",
        label: "settings_clauses",
        icon: ShieldCheck,
        load: () => import("./clauses/Clauses.svelte"),
      },
      { name: "blocks", label: "settings_blocks", icon: Ban, load: () => import("./blocks/Blocks.svelte") },
    ],
  },
  {
    label: "customers.title",
    sections: [
      {
        name: "custom-fields",
        label: "settings_custom_fields",
        icon: TextCursorInput,
        load: () => import("./custom-fields/CustomFields.svelte"),
      },
      {
        name: "person",
        label: "settings_person",
        icon: UserRoundX,
        load: () => import("./person/Person.svelte"),
      },
    ],
  },
  {
    label: "settings_links",
    sections: [
      {
        name: "webhooks",
        label: "settings_webhooks",
        icon: Webhook,
        load: () => import("./webhooks/Webhooks.svelte"),
      },
      {
        name: "api-users",
        label: "settings_api_users",
        icon: KeyRound,
        load: () => import("./api-users/ApiUsers.svelte"),
      },
      {
        name: "lookup",
        label: "settings_lookup",
        icon: ContactRound,
        load: () => import("./lookup/Lookup.svelte"),
      },
      { name: "email", label: "settings_email", icon: Mail, load: () => import("./email/Email.svelte") },
    ],
  },
  {
    label: "settings_whole",
    sections: [
      {
        name: "installation",
        label: "settings_installation",
        icon: Building,
        load: () => import("./installation/Installation.svelte"),
      },
      {
        name: "audit",
        label: "settings_audit",
        icon: ScrollText,
        load: () => import("./audit/Audit.svelte"),
      },
    ],
  },
];

export const FIRST = "queues";

export function sectionAt(name: string): Section | undefined {
  return GROUPS.flatMap(({ sections }) => sections).find((section) => section.name === name);
}
