// A program that asks one file plugin and prints the answer: `ask QUESTION`, in JSON.
import { ask } from './asking.ts'

ask(JSON.parse(process.argv[2]!)).then(({ answer }) => process.stdout.write(JSON.stringify(answer)))
