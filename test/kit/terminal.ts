// A command under a pseudo-terminal, for what a person would type.

import { join } from 'node:path'

import { Command, type CommandOptions } from './command.ts'

export interface TerminalOptions extends CommandOptions {
  readonly rows?: number
  readonly columns?: number
}

/** A running command whose standard streams are one terminal; all it prints is in `stdout`. */
export class Terminal extends Command {
  constructor(argv: readonly string[], { rows = 24, columns = 80, ...options }: TerminalOptions = {}) {
    const driver = join(import.meta.dirname, 'terminal.py')
    super(['/usr/bin/python3', driver, String(rows), String(columns), ...argv], { ...options, control: true })
    this.control.on('error', () => {})
  }

  /** Changes the terminal's size, as dragging a window does. */
  resize(rows: number, columns: number): void {
    this.control.write(`${rows} ${columns}\n`)
  }
}
