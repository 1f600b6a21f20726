import type { Limits } from './limits.ts'
import type { User } from './user-name.ts'

/** What a list of users knows of one of them. */
export type Account =
  | { readonly found: 'account'; readonly home?: string; readonly limits?: Limits }
  | { readonly found: 'nobody' }
  /** The list could not be asked. */
  | { readonly found: 'trouble'; readonly why: string }

/** A list of users: passwd(5), a file of the administrator's, a directory. Never rejects. */
export type LookUpUser = (user: User) => Account | Promise<Account>

/** Asks the lists in their order; the first that knows the user, or is in trouble, has said it. */
export function inOrder(lists: readonly LookUpUser[]): LookUpUser {
  return async (user) => {
    for (const lookUp of lists) {
      const account = await lookUp(user)
      if (account.found !== 'nobody') return account
    }
    return { found: 'nobody' }
  }
}
