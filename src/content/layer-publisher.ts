// Makes unpacked layers durable and known, as many at once as are waiting: one sync of the file system serves them all.

import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { system } from '../lib/errors.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import type { LayerRow, LayerRows } from './layer-rows.ts'
import type { WorkerPool } from './pool.ts'

/** A layer that is complete in a temporary directory. */
export interface UnpublishedLayer extends LayerRow {
  /** Contains `fs`. */
  readonly directory: string
  readonly implied: readonly string[]
}

interface Waiting {
  readonly layer: UnpublishedLayer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class LayerPublisher {
  readonly #directory: string
  readonly #rows: LayerRows
  readonly #pool: WorkerPool
  readonly #waiting: Waiting[] = []
  #running = false

  /** `directory` is where the layers are, and their temporary directories too. */
  constructor(directory: string, rows: LayerRows, pool: WorkerPool) {
    this.#directory = directory
    this.#rows = rows
    this.#pool = pool
  }

  /**
   * Moves the layer to its place; resolves once it is on the disk and has its row. It takes its turn at once: the layer below
   * must have been published or have taken its turn before.
   */
  publish(layer: UnpublishedLayer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ layer, resolve, reject })
    void this.#run()
    return promise
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    while (this.#waiting.length > 0) await this.#publishAll(this.#waiting.splice(0))
    this.#running = false
  }

  async #publishAll(batch: readonly Waiting[]): Promise<void> {
    const ready: Waiting[] = []
    for (const waiting of batch) {
      try {
        await this.#imply(
          waiting.layer,
          ready.map(({ layer }) => layer),
        )
        ready.push(waiting)
      } catch (error) {
        waiting.reject(error)
      }
    }
    try {
      await this.#move(ready.map(({ layer }) => layer))
      for (const { resolve } of ready) resolve()
    } catch (error) {
      for (const { reject } of ready) reject(error)
    }
  }

  async #move(layers: readonly UnpublishedLayer[]): Promise<void> {
    await using undo = new AsyncDisposableStack()
    for (const { chainId, directory } of layers) {
      const place = join(this.#directory, hexOf(chainId))
      renameSync(directory, place)
      undo.defer(() => renameSync(place, directory))
    }
    await this.#pool.run({ kind: 'sync', path: this.#directory })
    this.#rows.insert(layers)
    undo.move()
  }

  /** A directory that the archive only implied looks as it does in the layers below. */
  async #imply({ directory, implied, parent }: UnpublishedLayer, batch: readonly UnpublishedLayer[]): Promise<void> {
    if (parent === undefined || implied.length === 0) return
    const lower = this.#lower(parent, batch).map(path => join(path, 'fs'))
    await this.#pool.run({ kind: 'imply', layer: join(directory, 'fs'), lower, implied })
  }

  #lower(top: Digest, batch: readonly UnpublishedLayer[]): string[] {
    const known = batch.find(({ chainId }) => chainId === top)
    if (known) return [known.directory, ...(known.parent === undefined ? [] : this.#lower(known.parent, batch))]
    const chain = this.#rows.chain(top)
    if (chain.length === 0) throw system(`layer ${top} was not unpacked`)
    return chain.map(({ chainId }) => join(this.#directory, hexOf(chainId)))
  }
}
