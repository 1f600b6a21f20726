// A program that asks one file plugin as onescand does, about message after message, and
// prints the answers: `ask-pooled QUESTION SUBJECT...`. It ends with its stdin.
import { poolPlugin } from './asking.ts'

const [question, ...subjects] = process.argv.slice(2)
const closing: (() => unknown)[] = []
const plugin = poolPlugin({ teardown: (close) => closing.push(close) }, JSON.parse(question!))
process.stdin.resume().on('end', () => {
  for (const close of closing) close()
})

/** (A bundle in CommonJS has no await outside of functions.) */
async function askAll(): Promise<void> {
  for (const subject of subjects) process.stdout.write(`${await plugin.hear(subject)}\n`)
}

void askAll()
