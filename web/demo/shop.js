// What the vendor's instructions put on a page: calls are collected until the chat's script is there.
window._tc =
  window._tc ||
  function () {
    (_tc.q = _tc.q || []).push(arguments);
  };

const TITLES = { en: "Glina – a sample shop", pl: "Glina – przykładowy sklep" };

function speak(language) {
  document.documentElement.lang = language;
  document.title = TITLES[language];
}

/** As in the log of a shop's own script: the name of the event, and when. */
function note(event) {
  const time = new Date().toLocaleTimeString(navigator.language);
  const line = document.createElement("div");
  line.textContent = `${time} ${event}`;
  document.getElementById("events").append(line);
}

speak(navigator.language.startsWith("pl") ? "pl" : "en");
_tc("event_listener", note);

document.addEventListener("click", ({ target }) => {
  if (target.closest("#language")) speak(document.documentElement.lang === "pl" ? "en" : "pl");
  const said = target.closest("[data-say]")?.dataset;
  if (said?.say === "set_user") _tc("set_user", said.name, said.email);
  else if (said) _tc(said.say);
});
