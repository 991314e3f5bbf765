/**
 * The words on the generated pages: prose whose authors have been dead for long, and invented rows of statements, forms and
 * receipts. A seed picks where the prose begins and what the rows say.
 */
import { passages } from '../../samples/passages.ts'
import type { Random } from './random.ts'

const english = Object.values(passages).flat()

/** One passage for each language, by its ISO 639-2 name, which is also the name of its traineddata. */
export const otherLanguages = {
  deu: [
    'Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett zu einem ungeheueren Ungeziefer verwandelt. Er lag auf seinem panzerartig harten Rücken und sah, wenn er den Kopf ein wenig hob, seinen gewölbten, braunen, von bogenförmigen Versteifungen geteilten Bauch, auf dessen Höhe sich die Bettdecke, zum gänzlichen Niedergleiten bereit, kaum noch erhalten konnte.',
    'Seine vielen, im Vergleich zu seinem sonstigen Umfang kläglich dünnen Beine flimmerten ihm hilflos vor den Augen. Was ist mit mir geschehen, dachte er. Es war kein Traum. Sein Zimmer, ein richtiges, nur etwas zu kleines Menschenzimmer, lag ruhig zwischen den vier wohlbekannten Wänden.',
    'Über die Straße ging ein großer Mann mit Hut; er grüßte höflich und fragte nach der nächsten Brücke über den Fluß.',
  ],
  fra: [
    'Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si vite que je n’avais pas le temps de me dire : Je m’endors. Et, une demi-heure après, la pensée qu’il était temps de chercher le sommeil m’éveillait ; je voulais poser le volume que je croyais avoir encore dans les mains et souffler ma lumière.',
    'Il était une fois un bûcheron et une bûcheronne qui avaient sept enfants, tous garçons. L’aîné n’avait que dix ans, et le plus jeune n’en avait que sept. Ils étaient fort pauvres, et leurs sept enfants les incommodaient beaucoup, parce qu’aucun d’eux ne pouvait encore gagner sa vie.',
    'Où êtes-vous né ? À côté de la forêt, près du château, là où la rivière coule très lentement vers la mer.',
  ],
} as const

export type Language = 'eng' | keyof typeof otherLanguages

/** Paragraphs of at least so many characters in all; the last one is cut at a word. */
export function prose(random: Random, charactersMin: number, language: Language = 'eng'): string[] {
  const pool: readonly string[] = language === 'eng' ? english : otherLanguages[language]
  const paragraphs: string[] = []
  let length = 0
  for (let at = random.below(pool.length); length < charactersMin; at += 1) {
    const whole = pool[at % pool.length]!
    const rest = charactersMin - length
    const cut = whole.length <= rest + 40 ? whole : `${whole.slice(0, whole.lastIndexOf(' ', rest + 20))}`
    paragraphs.push(cut)
    length += cut.length
  }
  return paragraphs
}

const payees = [
  'Opening balance',
  'Water and electricity',
  'Transfer to savings',
  'Cleared cheque to the bakery',
  'Incoming transfer',
  'Paper and ink',
  'Salary for the month',
  'Card payment Greengrocer',
  'Standing order Rent',
  'Interest charged',
  'Direct debit Telephone',
  'Cash withdrawal High Street',
  'Insurance premium',
  'Refund of a deposit',
]

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export function money(cents: number): string {
  const whole = Math.floor(cents / 100)
  return `${String(whole).replace(/\B(?=(\d{3})+$)/g, ',')}.${String(cents % 100).padStart(2, '0')}`
}

/** Rows of date, description, number (sometimes none), amount and balance. */
export function statementRows(random: Random, count: number): string[][] {
  const month = random.of(months)
  let balance = 100_000 + random.below(900_000)
  let number = 1000 + random.below(8000)
  return Array.from({ length: count }, (_, row) => {
    const amount = 100 + random.below(40_000)
    balance += random.below(2) === 0 && balance > amount ? -amount : amount
    number += 1
    return [
      `${String(row + 1).padStart(2, '0')} ${month}`,
      random.of(payees),
      random.below(4) === 0 ? '' : String(number),
      money(amount),
      money(balance),
    ]
  })
}

const goods = [
  'Whole milk 1 l',
  'Rye bread',
  'Butter salted',
  'Apples Braeburn kg',
  'Coffee ground 500 g',
  'Tomatoes on vine',
  'Eggs free range 10',
  'Olive oil 0.75 l',
  'Pasta fusilli',
  'Cheddar mature',
  'Paper towels',
  'Orange juice',
  'Basmati rice 1 kg',
  'Dark chocolate',
]

export function receiptRows(random: Random, count: number): string[][] {
  return Array.from({ length: count }, () => [random.of(goods).toUpperCase(), money(49 + random.below(1500))])
}

export const labels = [
  ['Family name', 'Hawthorne'],
  ['Given names', 'Margaret Ellen'],
  ['Date of birth', '14 March 1962'],
  ['Street and number', '27 Mill Lane'],
  ['Postcode and town', 'CB2 1TN Cambridge'],
  ['Telephone', '01223 555 0148'],
  ['Occupation', 'Librarian'],
  ['Employer', 'County Council'],
  ['Policy number', 'KX-4471-009'],
  ['Amount claimed', '1,284.50'],
  ['Place and date', 'Cambridge, 2 June 2019'],
  ['Witness', 'Thomas Reed'],
] as const
