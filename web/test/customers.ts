/** A customer of whom everything is known. */
import type { Server } from "./server";

export interface Known {
  customer: number;
  company: number;
  /** The company as a customer. */
  companyCard: number;
}

interface Numbers {
  customer_id: number;
  company_id: number;
}

/** Names and words are long where people's are. */
export async function knowCustomer(server: Server, conversations: string[] = []): Promise<Known> {
  const fields = [
    { name: "Kraj dostawy", kind: "list", options: ["Polska", "Czechy", "Niemcy"] },
    { name: "Saldo", kind: "number", read_only: true },
    { name: "Umowa do", kind: "date" },
    { name: "Zgoda marketingowa", kind: "yes_no" },
    { name: "Numer karty stałego klienta", of_companies: false },
    { name: "Branża", of_customers: false },
  ];
  for (const field of fields) await server.administer("POST", "custom_fields", field);
  const { company_id: company, customer_id: companyCard } = await server.api<Numbers>("POST", "companies", {
    name: "Zakład Stolarski „Dąb” sp. z o.o.",
    email: "biuro@dab.example",
    nip: "123-456-32-18",
  });
  const { customer_id: customer } = await server.api<Numbers>("POST", "customers", {
    name: "Jadwiga",
    surname: "Kowalska-Brzęczyszczykiewicz",
    email: ["jadwiga.kowalska@poczta.example.org", "j.kowalska@dab.example"],
    phone_number: ["+48 600 100 200", "22 333 44 55"],
    company_id: company,
    identifier: "K-2041",
    type: "Klient stały",
    group: "Hurt",
    account_manager: "anowak",
    gender: "K",
    birthdate: "1980-05-17",
    nip: "987-654-32-10",
    pesel: "80051712345",
    homepage: "https://sklep.example.org/konto/jadwiga",
    job: "Pracownia",
    job_title: "kierowniczka zakupów",
    vip: true,
    note: "Dzwonić po 15.\nProsi o faktury na firmę.",
    address: {
      street: "Długa",
      building: "3",
      flat: "12",
      postcode: "31-147",
      city: "Kraków",
      country: "Polska",
    },
    invoice_address: { street: "Leśna", building: "7", postcode: "32-020", city: "Wieliczka" },
    custom_fields: {
      "Kraj dostawy": ["Polska", "Czechy"],
      Saldo: "1204.50",
      "Umowa do": "2027-12-31",
      "Zgoda marketingowa": true,
    },
    fill_read_only_custom_fields: true,
  });
  const { group_id } = await server.api<{ group_id: number }>("POST", "customer_field_groups", {
    name: "Zamówienia",
  });
  let known: { fields: { field_id: number }[] } = { fields: [] };
  for (const field of [
    { name: "Numer" },
    { name: "Data", kind: "date" },
    { name: "Kwota", kind: "number" },
  ]) {
    known = await server.api("POST", `customer_field_groups/${group_id}/fields`, field);
  }
  const orders = [
    ["Z-2026-0712", "2026-07-12", "349.99"],
    ["Z-2026-0830", "2026-08-30", "1204.50"],
  ];
  for (const order of orders) {
    const values = order.map((value, at) => ({ field_id: known.fields[at]?.field_id, value }));
    await server.api("POST", "customer_field_group_items", { group_id, customer_id: customer, values });
  }
  const records = [
    ["return", { number: "R-17", reason: "Za mały rozmiar", refunded: false }],
    ["order", { number: "Z-2026-0830", amount: 1204.5, lines: ["Stół dębowy", "Krzesło × 4"] }],
  ] as const;
  for (const [type, payload] of records) {
    await server.api("POST", `customers/${customer}/feed_records`, {
      type,
      payload: JSON.stringify(payload),
    });
  }
  for (const conversation of conversations) {
    await server.administer("POST", `conversations/${conversation}/customer`, { customer_id: customer });
  }
  return { customer, company, companyCard };
}
