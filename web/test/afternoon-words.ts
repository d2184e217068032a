/** What people say on the afternoon of the pictures, in either language. */
import type { Language } from "./words";

interface Opening {
  name: string;
  email: string;
  text: string;
}

export interface Afternoon {
  queues: { shop: string; returns: string; payments: string; trade: string };
  /** The one that the pictures are about. */
  hero: Opening & {
    page: string;
    hello: string;
    checking: string;
    note: string;
    label: string;
    left: string;
    whisper: string;
    offer: string;
    thanks: string;
    types: string;
    topic: string;
    tag: string;
  };
  mine: (Opening & { answer?: string })[];
  annas: (Opening & { answer: string })[];
  jans: (Opening & { answer: string })[];
  waiting: Opening[];
  past: Opening[];
  greeting: string;
  goodbye: string;
  praise: string;
  pauses: string[];
  topics: string[];
  tags: string[];
  canned: [shortcut: string, text: string][];
  blocked: [string, string];
  lookup: { title: string; rows: { label: string; value: string; link?: string }[] };
}

const mail = (name: string) => `${name.toLowerCase().replace(/[^a-z]+/g, ".")}@example.org`;

export const AFTERNOONS: Record<Language, Afternoon> = {
  en: {
    queues: { shop: "Online shop", returns: "Returns and complaints", payments: "Payments", trade: "Trade" },
    hero: {
      name: "Emily Carter",
      email: "emily.carter@example.org",
      page: "Trail running shoes",
      text: "Hello, I ordered trail shoes on Friday (58213) and tracking still says “label created”. Will they arrive before Saturday?",
      hello: "Good morning, Emily! Thank you for the number.",
      checking: "Let me ask the carrier, it takes a minute.",
      note: "The carrier has lost a parcel on this route last week, see order 57940. If it has not left the depot, send a second pair at once.",
      label: "This is the label that I was sent.",
      left: "I have good news: the parcel left the depot this morning and will be with you on Thursday between 9:00 and 13:00.",
      whisper: "She is one of our best customers. Refund the delivery if it is late again.",
      offer: "Should it be late, we refund the delivery. You need not do anything for that.",
      thanks: "That is very kind, thank you! One more thing: can I change the size if they don't fit?",
      types: "I usually take 39, but with thick so",
      topic: "Delivery",
      tag: "Regular customer",
    },
    mine: [
      {
        name: "Oliver Bennett",
        email: "oliver.bennett@example.org",
        text: "My voucher code is refused at the checkout.",
      },
      {
        name: "Sofia Martins",
        email: "sofia.martins@example.org",
        text: "Do you have the blue jacket in M?",
        answer: "Yes, three of them. Shall I put one aside?",
      },
      {
        name: "Maximilian von Hohenstein-Bergmann",
        email: "max@example.org",
        text: "Invoice for a company, please",
        answer: "Of course. What is the VAT number?",
      },
    ],
    annas: [
      {
        name: "Grace Kim",
        email: "grace.kim@example.org",
        text: "Can I pick it up in the shop?",
        answer: "Yes, from tomorrow noon.",
      },
      {
        name: "Liam O'Connor",
        email: "liam@example.org",
        text: "The zip is broken.",
        answer: "I am sorry! We will exchange it.",
      },
    ],
    jans: [
      {
        name: "Noah Fischer",
        email: "noah@example.org",
        text: "Where do I send it back to?",
        answer: "There is a label in the parcel.",
      },
      {
        name: "Chloé Dubois",
        email: "chloe@example.org",
        text: "I was charged twice.",
        answer: "I see it, one is being returned.",
      },
      {
        name: "Ava Novak",
        email: "ava@example.org",
        text: "When do I get my money back?",
        answer: "Within 14 days.",
      },
    ],
    waiting: [
      {
        name: "Hannah Schmidt",
        email: "hannah@example.org",
        text: "The left shoe is 38 and the right one is 39.",
      },
      { name: "", email: "", text: "Hello? Is anybody there?" },
      { name: "Lucas Meyer", email: "lucas@example.org", text: "I would like to cancel order 58301." },
    ],
    past: [
      "Daniel Reed",
      "Isla Murray",
      "Elena Rossi",
      "Peter Svensson",
      "Julia Hart",
      "Tom Becker",
      "Nora Lind",
      "Alan Price",
      "Mia Olsen",
      "Ivan Petrov",
      "Ruth Abrams",
      "Leo Santos",
      "Amy Walsh",
      "Karl Weber",
    ].map((name, at) => ({
      name,
      email: mail(name),
      text: ["When will it come?", "Which size should I take?", "How do I return it?", "Is it in stock?"][
        at % 4
      ]!,
    })),
    greeting: "Good morning, how can I help you?",
    goodbye: "You are welcome, have a nice day!",
    praise: "Fast and kind.",
    pauses: ["Break", "Lunch", "Training"],
    topics: ["Complaint", "Delivery", "Payment", "Product question", "Return"],
    tags: ["Regular customer", "To be explained", "Urgent"],
    canned: [
      [
        "hello",
        "Good morning, {client_name|thank you for writing}! My name is {agent_name}. How can I help you?",
      ],
      ["moment", "Let me check, it takes a minute."],
      ["delivery", "Orders before noon leave on the same day. The courier usually comes on the next."],
      ["return", "You can return it within 30 days. The label is in the parcel; we refund within 14 days."],
      ["bye", "Is there anything else that I can do for you?"],
    ],
    blocked: ["Insults", "Advertising, every day"],
    lookup: {
      title: "Shop",
      rows: [
        { label: "Orders", value: "12, the last on Friday", link: "https://shop.example.org/orders/20418" },
        { label: "Status", value: "Gold" },
        { label: "Size", value: "39" },
      ],
    },
  },
  pl: {
    queues: {
      shop: "Sklep internetowy",
      returns: "Zwroty i reklamacje",
      payments: "Płatności",
      trade: "Hurt",
    },
    hero: {
      name: "Magdalena Wróbel",
      email: "magdalena.wrobel@example.org",
      page: "Buty do biegania w terenie",
      text: "Dzień dobry, w piątek zamówiłam buty (58213), a śledzenie wciąż pokazuje „etykieta utworzona”. Czy dojdą przed sobotą?",
      hello: "Dzień dobry, dziękuję za numer zamówienia.",
      checking: "Już pytam kuriera, to chwila.",
      note: "W zeszłym tygodniu kurier zgubił na tej trasie paczkę, zamówienie 57940. Jeśli ta nie wyjechała z sortowni, wysyłamy od razu drugą parę.",
      label: "Taką etykietę dostałam w e-mailu.",
      left: "Mam dobrą wiadomość: paczka wyjechała rano z sortowni i będzie u Pani w czwartek między 9:00 a 13:00.",
      whisper: "Stała klientka. Jeśli paczka znów się spóźni, oddajemy koszt dostawy.",
      offer: "Gdyby się spóźniła, oddamy koszt dostawy. Nie trzeba nic robić.",
      thanks: "Bardzo dziękuję! Jeszcze jedno: czy mogę wymienić rozmiar, jeśli nie będą pasować?",
      types: "Zwykle noszę 39, ale z grubą skarp",
      topic: "Dostawa",
      tag: "Stały klient",
    },
    mine: [
      {
        name: "Krzysztof Maj",
        email: "krzysztof.maj@example.org",
        text: "Kod rabatowy nie działa w koszyku.",
      },
      {
        name: "Zuzanna Pawlak",
        email: "zuzanna.pawlak@example.org",
        text: "Czy jest niebieska kurtka w rozmiarze M?",
        answer: "Tak, trzy sztuki. Odłożyć jedną?",
      },
      {
        name: "Przemysława Brzęczyszczykiewicz-Chrząszczewska",
        email: "p.brzeczyszczykiewicz@example.org",
        text: "Proszę o fakturę na firmę",
        answer: "Oczywiście. Jaki jest numer NIP?",
      },
    ],
    annas: [
      {
        name: "Grażyna Kos",
        email: "grazyna.kos@example.org",
        text: "Czy mogę odebrać w sklepie?",
        answer: "Tak, od jutra w południe.",
      },
      {
        name: "Łukasz Bąk",
        email: "lukasz@example.org",
        text: "Zepsuł się zamek.",
        answer: "Przepraszamy! Wymienimy na nową.",
      },
    ],
    jans: [
      {
        name: "Norbert Lis",
        email: "norbert@example.org",
        text: "Na jaki adres odesłać?",
        answer: "Etykieta jest w paczce.",
      },
      {
        name: "Celina Duda",
        email: "celina@example.org",
        text: "Pobrano mi dwa razy.",
        answer: "Widzę to, jedna wpłata już wraca.",
      },
      {
        name: "Ewelina Sowa",
        email: "ewelina@example.org",
        text: "Kiedy dostanę zwrot pieniędzy?",
        answer: "W ciągu 14 dni.",
      },
    ],
    waiting: [
      { name: "Hanna Szymańska", email: "hanna@example.org", text: "Lewy but to 38, a prawy 39." },
      { name: "", email: "", text: "Halo? Jest tam ktoś?" },
      { name: "Łucja Źrebiec", email: "lucja@example.org", text: "Chcę anulować zamówienie 58301." },
    ],
    past: [
      "Daniel Rak",
      "Iza Mazur",
      "Elena Rosa",
      "Piotr Sowiński",
      "Julia Hajduk",
      "Tomasz Bury",
      "Nora Lipska",
      "Alan Pryc",
      "Mia Olszak",
      "Iwan Piątek",
      "Ruta Abram",
      "Leon Sandacz",
      "Ada Wilk",
      "Karol Weber",
    ].map((name, at) => ({
      name,
      email: mail(name),
      text: ["Kiedy przyjdzie paczka?", "Jaki rozmiar wybrać?", "Jak zwrócić buty?", "Czy jest w magazynie?"][
        at % 4
      ]!,
    })),
    greeting: "Dzień dobry, w czym mogę pomóc?",
    goodbye: "Dziękuję i życzę miłego dnia!",
    praise: "Szybko i miło.",
    pauses: ["Przerwa", "Obiad", "Szkolenie"],
    topics: ["Dostawa", "Płatność", "Pytanie o produkt", "Reklamacja", "Zwrot"],
    tags: ["Do wyjaśnienia", "Pilne", "Stały klient"],
    canned: [
      [
        "witam",
        "Dzień dobry, {client_name|dziękujemy za kontakt}! Nazywam się {agent_name}. W czym mogę pomóc?",
      ],
      ["chwila", "Już sprawdzam, proszę o chwilę cierpliwości."],
      [
        "dostawa",
        "Zamówienia złożone przed południem wysyłamy tego samego dnia. Kurier jest zwykle następnego dnia.",
      ],
      [
        "zwrot",
        "Towar można zwrócić w ciągu 30 dni. Etykieta jest w paczce, pieniądze oddajemy w ciągu 14 dni.",
      ],
      ["koniec", "Czy mogę jeszcze w czymś pomóc?"],
    ],
    blocked: ["Obraźliwe wiadomości", "Codziennie reklamy"],
    lookup: {
      title: "Sklep",
      rows: [
        {
          label: "Zamówienia",
          value: "12, ostatnie w piątek",
          link: "https://shop.example.org/orders/20418",
        },
        { label: "Status", value: "Złoty" },
        { label: "Rozmiar", value: "39" },
      ],
    },
  },
};
