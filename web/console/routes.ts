/** What the console has, and where. Each view is loaded when it is first opened. */
import ChartNoAxesColumn from "@lucide/svelte/icons/chart-no-axes-column";
import ChartNoAxesCombined from "@lucide/svelte/icons/chart-no-axes-combined";
import Contact from "@lucide/svelte/icons/contact";
import MessagesSquare from "@lucide/svelte/icons/messages-square";
import Rocket from "@lucide/svelte/icons/rocket";
import Search from "@lucide/svelte/icons/search";
import Settings from "@lucide/svelte/icons/settings";
import type { Component } from "svelte";
import { steps } from "./entry/steps.svelte";
import type { Role } from "./state/session.svelte";
import type { Key } from "./texts.svelte";

export interface View {
  /** The first parts of the addresses that lead here; the first is the link's. */
  heads: readonly [string, ...string[]];
  label: Key;
  /** In the rail; without it, it is reached otherwise. */
  icon?: Component<{ size?: number | string }>;
  /** Stands in the rail as long as it is so. */
  isWanted?: () => boolean;
  /** Others don't see it, and don't get there by address either. */
  least: Role;
  load: () => Promise<{ default: Component }>;
}

export const VIEWS: readonly View[] = [
  {
    heads: ["start"],
    label: "entry.start",
    icon: Rocket,
    least: "administrator",
    isWanted: () => steps.isOpen,
    load: () => import("./entry/Start.svelte"),
  },
  {
    heads: ["mine", "waiting", "all", "closed"],
    label: "talk.title",
    icon: MessagesSquare,
    least: "agent",
    load: () => import("./talk/Talk.svelte"),
  },
  {
    heads: ["customers"],
    label: "customers.title",
    icon: Contact,
    least: "agent",
    load: () => import("./customer/Customers.svelte"),
  },
  {
    heads: ["wall"],
    label: "wall.title",
    icon: ChartNoAxesColumn,
    least: "supervisor",
    load: () => import("./wall/Wall.svelte"),
  },
  {
    heads: ["reports"],
    label: "reports.title",
    icon: ChartNoAxesCombined,
    least: "supervisor",
    load: () => import("./reports/Reports.svelte"),
  },
  {
    heads: ["search"],
    label: "search.title",
    icon: Search,
    least: "agent",
    load: () => import("./search/Search.svelte"),
  },
  {
    heads: ["settings"],
    label: "settings.title",
    icon: Settings,
    least: "administrator",
    load: () => import("./settings/Settings.svelte"),
  },
  { heads: ["account"], label: "account", least: "agent", load: () => import("./account/Account.svelte") },
];

export const HOME = "mine";

export function viewAt(head: string): View | undefined {
  return VIEWS.find(({ heads }) => heads.includes(head));
}
