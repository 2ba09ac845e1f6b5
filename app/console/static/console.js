// What is nicer with a script; every page works without it.

// A box that ticks all others of a name.
for (const all of document.querySelectorAll("[data-all]")) {
  const boxes = document.querySelectorAll(`input[name="${all.dataset.all}"]`);
  all.hidden = false;
  all.addEventListener("change", () => boxes.forEach((box) => (box.checked = all.checked)));
}

// A part of the page that is asked for again, while somebody looks.
for (const part of document.querySelectorAll("[data-live]")) {
  const again = async () => {
    if (document.visibilityState === "visible" && !part.contains(document.activeElement)) {
      try {
        const answer = await fetch(part.dataset.live, { redirect: "manual" });
        if (answer.type === "opaqueredirect") return location.reload(); // signed out meanwhile
        if (answer.ok) part.innerHTML = await answer.text();
        part.classList.toggle("stale", !answer.ok);
      } catch {
        part.classList.add("stale");
      }
    }
    setTimeout(again, 1000 * part.dataset.every);
  };
  setTimeout(again, 1000 * part.dataset.every);
}
