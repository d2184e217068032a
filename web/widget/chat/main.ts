import "./base.css";
import "./form.css";
import "./talk.css";
import "./media.css";
import { mount } from "svelte";
import App from "./App.svelte";

mount(App, { target: document.body });
