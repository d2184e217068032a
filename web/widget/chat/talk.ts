/** What is loaded once there is a conversation. */
export { default as Composer } from "./Composer.svelte";
export { Conversation } from "./conversation.svelte";
export { default as Ending } from "./Ending.svelte";
export { beep } from "./sound";
export { default as Talk } from "./Talk.svelte";
