// Sending a request again that a server was too busy for, or that got lost on the way.

import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError, type Incoming, headerOf } from './transport.ts'

/** How often a request is sent that the server is too busy for, and one that got lost. */
const busyAttempts = 5
const lostAttempts = 3
/** Milliseconds before the first repetition; twice as long before each next one. */
const firstPause = 500
/** Milliseconds that a server may ask to wait. */
const longestPause = 30_000

const isBusy = (status: number) => status === 429 || (status >= 500 && status !== 501 && status !== 505)

/** The answer of a server to what `send` sends: it may be sent several times. The last answer may still say that it is busy. */
export async function persistently(send: () => Promise<Incoming>, signal: AbortSignal | undefined): Promise<Incoming> {
  for (let attempt = 1; ; attempt++) {
    const answer = await once(send, attempt === lostAttempts)
    if (answer && (!isBusy(answer.status) || attempt === busyAttempts)) return answer
    answer?.body.destroy()
    await pause(attempt, signal, answer)
  }
}

async function once(send: () => Promise<Incoming>, isLast: boolean): Promise<Incoming | undefined> {
  try {
    return await send()
  } catch (error) {
    if (isLast || !(error instanceof ConnectionError)) throw error
    return undefined
  }
}

/** Waits before the next attempt, as long as `answer` asks, within reason. */
export async function pause(attempt: number, signal: AbortSignal | undefined, answer?: Incoming): Promise<void> {
  const usual = firstPause * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
  try {
    await sleep(Math.min(longestPause, (answer && retryAfter(answer)) ?? usual), undefined, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

/** Milliseconds; undefined if it doesn't say (RFC 9110, section 10.2.3). */
function retryAfter(answer: Incoming): number | undefined {
  const asked = headerOf(answer, 'retry-after') ?? ''
  const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined
}
