/** What is left to do when this process exits. One listener serves all: Node warns of more than ten. */
const endings = new Set<() => void>()

process.once('exit', () => {
  for (const end of endings) end()
})

/** Calls `end` when this process exits. Returns a function that withdraws this. */
export function atExit(end: () => void): () => void {
  endings.add(end)
  return () => endings.delete(end)
}
