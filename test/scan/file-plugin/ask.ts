// A program that asks one file plugin and prints the verdict: `ask QUESTION`, in JSON.
import { ask } from './asking.ts'

ask(JSON.parse(process.argv[2]!)).then(({ verdict }) =>
  process.stdout.write(JSON.stringify(verdict)),
)
