import type { Client } from './client.ts'

type Leaving = 'half-closes' | 'closes' | 'resets'

/** Leaves in the middle of anything. */
export function leave({ socket }: Client, how: Leaving): void {
  if (how === 'half-closes') socket.end()
  else if (how === 'closes') socket.destroy()
  else socket.resetAndDestroy()
}

/** What is infected is kept for all recipients but those at skip.example. */
export const keeping = { keeps: true, rules: 'to=skip.example scan off\n' }
