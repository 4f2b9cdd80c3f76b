// Names for containers: what may be one, and one of our own where none was given.

import { randomInt } from 'node:crypto'
import { invalid } from '../lib/errors.ts'

const allowed = '[a-zA-Z0-9][a-zA-Z0-9_.-]'
const pattern = new RegExp(`^/?${allowed}+$`)

/** `text` without a leading slash. Throws dockerd's error if it can't be a container's name. */
export function parseName(text: string): string {
  if (pattern.test(text)) return text.replace(/^\//, '')
  throw invalid(`Invalid container name (${text}), only ${allowed} are allowed`)
}

const moods = [
  'able agile alert amber bold brave breezy bright brisk calm candid careful cheerful clever cosmic crisp curious',
  'daring deft eager earnest easy elated epic fair fervent fluent focused fond frank gallant gentle gifted glad',
  'gracious happy hardy honest hopeful humble jolly jovial keen kind lively loyal lucid mellow merry modest neat',
  'nimble noble optimistic patient placid polite proud quick quiet quirky ready serene sharp sincere sleepy sturdy',
  'sunny swift tender thrifty tidy upbeat vibrant vigilant vivid warm wise witty wonderful youthful zealous zen',
]
  .join(' ')
  .split(' ')

const people = [
  'abel ada agnesi alhazen ampere archimedes aryabhata babbage banach bassi bell bernoulli bhabha bohr boltzmann boole',
  'borg boyle brahmagupta cannon cantor carson cauchy cerf chandrasekhar church clarke curie darwin davinci dijkstra',
  'dirac easley einstein elion engelbart erdos euclid euler faraday fermat fermi feynman franklin galileo galois gauss',
  'germain goldberg goodall hamilton hawking heisenberg hermann hertz hilbert hopper hubble hypatia johnson joliot jones',
  'kalam kare keller kepler khayyam khorana kilby knuth kovalevskaya lamarr laplace lamport leavitt leibniz lovelace',
  'maxwell mccarthy meitner mendel mirzakhani moore morse napier nash newton nobel noether pascal pasteur perlman pike',
  'planck poincare ptolemy raman ramanujan ride ritchie rubin sammet shannon shockley sutherland tesla thompson torvalds',
  'turing villani visvesvaraya volta wiles wilson wozniak wright wu yonath zhukovsky',
]
  .join(' ')
  .split(' ')

const pick = (words: readonly string[]) => words[randomInt(words.length)] ?? ''

/** A free name such as `keen_hopper`; digits are added when many are taken. */
export function randomName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(moods)}_${pick(people)}${attempt < 4 ? '' : randomInt(10 ** Math.min(attempt, 9))}`
    if (!isTaken(name)) return name
  }
}
