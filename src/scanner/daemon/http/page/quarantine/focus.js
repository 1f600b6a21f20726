/** Moves the focus to the first of these elements that is there. @param {readonly string[]} ids */
export function focus(...ids) {
  for (const id of ids) {
    const found = document.getElementById(id)
    if (found) return found.focus()
  }
}

/** Moves the focus to what a link within the page names. @param {MouseEvent} event */
export function onSkip(event) {
  event.preventDefault()
  focus(/** @type {HTMLAnchorElement} */ (event.currentTarget).hash.slice(1))
}
