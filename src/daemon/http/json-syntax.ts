// Says what is wrong with a text that is not JSON, in the words of Go's encoding/json.

/** Go's message for `text`, which JSON.parse has refused. */
export function describeSyntaxError(text: string): string {
  const scanner = new Scanner(text)
  try {
    scanner.scan()
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message
    throw error
  }
  return 'unexpected content after JSON'
}

class SyntaxProblem extends Error {}

type State = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'after value'

const deepest = 10_000

class Scanner {
  readonly #text: string
  #at = 0
  readonly #open: ('{' | '[')[] = []
  #state: State = 'value'

  constructor(text: string) {
    this.#text = text
  }

  /** Walks over the first value. */
  scan() {
    do {
      this.#skipSpace()
      if (this.#at >= this.#text.length) throw new SyntaxProblem('unexpected EOF')
      this.#step(this.#text.charAt(this.#at))
    } while (this.#open.length > 0 || this.#state !== 'after value')
  }

  #step(char: string) {
    switch (this.#state) {
      case 'value or end':
        return char === ']' ? this.#close() : this.#value(char)
      case 'value':
        return this.#value(char)
      case 'key or end':
        return char === '}' ? this.#close() : this.#key(char)
      case 'key':
        return this.#key(char)
      case 'after value':
        return this.#afterValue(char)
      default:
        return this.#colon(char)
    }
  }

  #colon(char: string) {
    if (char !== ':') this.#fail(char, 'after object key')
    this.#at++
    this.#state = 'value'
  }

  #afterValue(char: string) {
    const inObject = this.#open.at(-1) === '{'
    if (char === (inObject ? '}' : ']')) return this.#close()
    if (char !== ',') this.#fail(char, inObject ? 'after object key:value pair' : 'after array element')
    this.#at++
    this.#state = inObject ? 'key' : 'value'
  }

  #close() {
    this.#at++
    this.#open.pop()
    this.#state = 'after value'
  }

  #key(char: string) {
    if (char !== '"') this.#fail(char, 'looking for beginning of object key string')
    this.#string()
    this.#state = 'colon'
  }

  #value(char: string) {
    if (char === '{' || char === '[') return this.#enter(char)
    if (char === '"') this.#string()
    else if (char === '-' || isDigit(char)) this.#number()
    else if (char === 't') this.#literal('true')
    else if (char === 'f') this.#literal('false')
    else if (char === 'n') this.#literal('null')
    else this.#fail(char, 'looking for beginning of value')
    this.#state = 'after value'
  }

  #enter(char: '{' | '[') {
    this.#at++
    if (this.#open.push(char) > deepest) throw new SyntaxProblem('exceeded max depth')
    this.#state = char === '{' ? 'key or end' : 'value or end'
  }

  #literal(word: string) {
    for (const expected of word) this.#expect(expected, `in literal ${word} (expecting '${expected}')`)
  }

  #expect(expected: string, context: string) {
    const char = this.#next()
    if (char !== expected) this.#fail(char, context)
  }

  #string() {
    this.#at++
    for (;;) {
      const char = this.#next()
      if (char === '"') return
      if (char === '\\') this.#escape()
      else if (char < ' ') this.#fail(char, 'in string literal')
    }
  }

  #escape() {
    const char = this.#next()
    if (char === 'u') {
      for (let digit = 0; digit < 4; digit++) {
        const hex = this.#next()
        if (!/[0-9a-f]/i.test(hex)) this.#fail(hex, 'in \\u hexadecimal character escape')
      }
    } else if (!'"\\/bfnrt'.includes(char)) this.#fail(char, 'in string escape code')
  }

  #number() {
    if (this.#text.charAt(this.#at) === '-') this.#at++
    if (this.#text.charAt(this.#at) === '0') this.#at++
    else this.#digits('in numeric literal')
    if (this.#text.charAt(this.#at) === '.') {
      this.#at++
      this.#digits('after decimal point in numeric literal')
    }
    if (/[eE]/.test(this.#text.charAt(this.#at))) {
      this.#at++
      if (/[+-]/.test(this.#text.charAt(this.#at))) this.#at++
      this.#digits('in exponent of numeric literal')
    }
  }

  #digits(context: string) {
    const char = this.#next()
    if (!isDigit(char)) this.#fail(char, context)
    while (isDigit(this.#text.charAt(this.#at))) this.#at++
  }

  #next(): string {
    if (this.#at >= this.#text.length) throw new SyntaxProblem('unexpected EOF')
    return this.#text.charAt(this.#at++)
  }

  #skipSpace() {
    while (' \t\r\n'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++
  }

  #fail(char: string, context: string): never {
    throw new SyntaxProblem(`invalid character ${quote(char)} ${context}`)
  }
}

const isDigit = (char: string) => char >= '0' && char <= '9' && char.length === 1

function quote(char: string): string {
  if (char === "'") return `'\\''`
  if (char === '"') return `'"'`
  return `'${JSON.stringify(char).slice(1, -1)}'`
}
