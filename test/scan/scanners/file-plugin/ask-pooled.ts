// A program that asks one file plugin as onescand does, about message after message, and
// prints the answers: `ask-pooled QUESTION SUBJECT...`. It ends with its stdin.
import { poolPlugin } from './pooled.ts'

const [question, ...subjects] = process.argv.slice(2)
const closing: (() => unknown)[] = []
const plugin = poolPlugin({ teardown: (close) => closing.push(close) }, JSON.parse(question!))
process.stdin.resume().on('end', () => {
  for (const close of closing) close()
})
for (const subject of subjects) process.stdout.write(`${await plugin.hear(subject)}\n`)
