// `npm run readings -- FILE`: how one message is read (doc/development/reading-mail.md). See describe-mail.ts.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describeMail } from './describe-mail.ts'

const [path, ...others] = process.argv.slice(2)
if (path === undefined || others.length > 0) throw new Error('usage: npm run readings -- FILE')
const message = readFileSync(resolve(process.env.INIT_CWD ?? '.', path))
for (const line of describeMail(message)) console.log(line)
