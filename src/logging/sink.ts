// What a driver that sends output away is made of.

import type { Channel } from './channel.ts'
import type { LogMessage } from './entry.ts'

/** A log collector as one container's driver sees it. */
export interface Sink {
  /** Milliseconds between attempts to reach the collector, at first; they become longer. */
  readonly retryWait: number
  /** Rejects if the collector can't be reached now. */
  open(signal: AbortSignal): Promise<Channel>
  /** The message as the collector takes it: several datagrams at times, none for what it doesn't take. */
  encode(message: LogMessage): Buffer[]
}

export const defaultRetryWait = 250
