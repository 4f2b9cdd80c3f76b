// Layers whose files are to share blocks with those of others: one after the other, when nothing is being unpacked.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import { fileList } from './equal-files.ts'
import type { LayerRows } from './layer-rows.ts'
import type { WorkerPool } from './pool.ts'

export interface SharerOptions {
  /** Where the layers are. */
  readonly directory: string
  readonly rows: LayerRows
  /** Used for nothing else, so that nothing waits for this. */
  readonly pool: WorkerPool
  readonly log: Log
  /** Resolves when no layer is being unpacked. */
  readonly quiet: () => Promise<void>
}

export class LayerSharer {
  readonly #options: SharerOptions
  readonly #waiting = new Set<Digest>()
  #current: { readonly chainId: Digest; readonly abort: AbortController; readonly done: Promise<void> } | undefined
  #running: Promise<void> | undefined

  constructor(options: SharerOptions) {
    this.#options = options
  }

  /** Has a published layer's files looked at, soon. */
  add(chainId: Digest): void {
    this.#waiting.add(chainId)
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Adds the layers that have not been looked at. */
  addMissed(): void {
    for (const chainId of this.#options.rows.all()) {
      if (!existsSync(join(this.#path(chainId), fileList))) this.add(chainId)
    }
  }

  /** Leaves layers alone that are being removed; resolves when nothing is written to their directories any more. */
  async leave(chainIds: readonly Digest[]): Promise<void> {
    for (const chainId of chainIds) this.#waiting.delete(chainId)
    const current = this.#current
    if (!current || !chainIds.includes(current.chainId)) return
    current.abort.abort()
    await current.done
  }

  /** Waits until all layers have been looked at. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    await this.#options.quiet()
    for (const chainId of this.#waiting) {
      this.#waiting.delete(chainId)
      const abort = new AbortController()
      const done = this.#share(chainId, abort.signal)
      this.#current = { chainId, abort, done }
      await done
      this.#current = undefined
      await this.#options.quiet()
    }
  }

  // What fails here costs space and nothing else.
  async #share(chainId: Digest, signal: AbortSignal): Promise<void> {
    const { rows, pool, log } = this.#options
    const others = rows.all().filter(id => id !== chainId && !this.#waiting.has(id))
    try {
      const paths = others.map(id => this.#path(id))
      const { files, bytes } = await pool.run({ kind: 'share', layer: this.#path(chainId), others: paths }, { signal })
      log.debug({ layer: chainId, files, bytes }, 'Files of a layer share blocks with equal ones')
    } catch (error) {
      if (!signal.aborted) log.debug({ layer: chainId, error: messageOf(error) }, 'Equal files could not be looked for')
    }
  }

  #path(chainId: Digest): string {
    return join(this.#options.directory, hexOf(chainId))
  }
}
