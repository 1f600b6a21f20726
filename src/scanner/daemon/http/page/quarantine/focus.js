/** Moves the focus to the first of these elements that is there. @param {readonly string[]} ids */
export function focus(...ids) {
  for (const id of ids) {
    const found = document.getElementById(id)
    if (found) return found.focus()
  }
}
