import "./console.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { speak } from "./texts.svelte";

await speak();
document.getElementById("loading")?.remove();
mount(App, { target: document.getElementById("console") ?? document.body });
