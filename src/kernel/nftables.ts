// nftables through libnftables: a text of commands is one transaction.

import { constants } from 'node:os'
import { system, unavailable } from '../lib/errors.ts'
import { bindLibrary, cString, KernelError, stringAt } from './ffi.ts'

const library = bindLibrary('libnftables.so.1', {
  nft_ctx_new: { arguments: ['u32'], return: 'pointer' },
  nft_ctx_free: { arguments: ['pointer'], return: 'void' },
  nft_ctx_buffer_output: { arguments: ['pointer'], return: 'i32' },
  nft_ctx_buffer_error: { arguments: ['pointer'], return: 'i32' },
  nft_ctx_get_output_buffer: { arguments: ['pointer'], return: 'pointer' },
  nft_ctx_get_error_buffer: { arguments: ['pointer'], return: 'pointer' },
  nft_ctx_output_set_flags: { arguments: ['pointer', 'u32'], return: 'void' },
  nft_run_cmd_from_buffer: { arguments: ['pointer', 'pointer'], return: 'i32' },
})

const NFT_CTX_OUTPUT_HANDLE = 1 << 3
const NFT_CTX_OUTPUT_NUMERIC_PROTO = 1 << 7

/**
 * A libnftables context (libnftables(3)) for the network namespace the thread is in when it is made; it stays with
 * that namespace. Keep one and use it again: making it loads tables of names.
 */
export class Nftables implements Disposable {
  readonly #context: bigint
  #freed = false

  constructor() {
    if (!library) throw unavailable('libnftables.so.1 is not installed: install the package libnftables1')
    this.#context = library.nft_ctx_new(0)
    if (this.#context === 0n) throw new KernelError('nft_ctx_new', constants.errno.ENOMEM, 'nftables')
    library.nft_ctx_buffer_output(this.#context)
    library.nft_ctx_buffer_error(this.#context)
    library.nft_ctx_output_set_flags(this.#context, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_NUMERIC_PROTO)
  }

  /** Runs `commands` (nft(8), one per line) wholly or not at all and returns what they print. Throws nft's own words. */
  run(commands: string): string {
    if (!library || this.#freed) throw system('The nftables context is closed')
    const status = library.nft_run_cmd_from_buffer(this.#context, cString(commands))
    const output = stringAt(library.nft_ctx_get_output_buffer(this.#context)) ?? ''
    const errors = stringAt(library.nft_ctx_get_error_buffer(this.#context)) ?? ''
    if (status !== 0) throw system(`nftables refused the rules: ${firstLine(errors)}`, { cause: new Error(errors) })
    return output
  }

  [Symbol.dispose](): void {
    if (this.#freed) return
    this.#freed = true
    library?.nft_ctx_free(this.#context)
  }
}

const firstLine = (text: string) => text.slice(0, `${text}\n`.indexOf('\n')).replace(/^.*?Error: /, '')
