# SPDX-License-Identifier: GPL-3.0-or-later
"""Word lists and sentence patterns per language, written for this project.

A pattern's {n} {v} {a} {d} {p} stand for a noun phrase, a verb, an adjective, an adverb and a place or time; {o} for a
noun phrase as object. The lists lean on p b m f v w: those are the phones whose lips must be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Lexicon:
    """The words of one language, by part of speech, with whole lines of their own."""

    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    adverbs: tuple[str, ...]
    places: tuple[str, ...]
    patterns: tuple[str, ...]
    lines: tuple[str, ...]
    objects: tuple[str, ...] = ()


def split_words(text: str) -> tuple[str, ...]:
    """Items between bars or line ends."""
    return tuple(item.strip() for item in text.replace("\n", "|").split("|") if item.strip())


_ENGLISH = Lexicon(
    nouns=split_words(
        """the old farmer|my mother|a bumblebee|the purple balloon|five maps|the woman|our village|a thousand voices
        the judge|some pepper|the measure|a yellow yacht|the king|her brother|every child|the window|warm bread
        the boy|the usual garage|a fish|the whole team|vivid pictures|the beach|both thumbs|a quick fox|the museum
        your father|white wolves|the lamp|a good book|the choir|fresh coffee|the weather|an empty bottle|the mayor
        a moving van|a heavy vase|the bishop|the famous pub|a puppet|the church|a jar of jam|the engine|an hour
        the author|big ships|the law|a mouse|the teacher|cheap shoes|the zoo|a zebra|the thief|those leather gloves
        a violin|the bay|foamy waves|the bamboo|a web page|the pavement|the moon"""
    ),
    verbs=split_words(
        """bought|painted|moved|watched|followed|broke|lifted|found|pushed|believed|carried|married|heard|began to love
        would never leave|kept|has forgotten|should have phoned|may borrow|is going to wash|measured|shaved
        jumped over|swept|wove|pumped up|buffed|voted for|grabbed|chose|taught|threw|brought back|wanted|needed
        could hardly see|enjoyed|judged|used|opened|closed|mapped|wrapped|bumped into|improved|warmed"""
    ),
    adjectives=split_words(
        """wonderful|bright|empty|fearful|smooth|huge|lovely|familiar|very warm|impossible|calm|rough|obvious|thick
        beige|joyful|weary|awful|available|purple|Swiss|young|foolish|usual|poor|probable|strange"""
    ),
    adverbs=split_words(
        """slowly|perfectly|somehow|before breakfast|very often|without a word|for free|together|probably|maybe
        with both hands|all by myself|again|five times|twice a week|above the rooftops|beautifully|once more"""
    ),
    places=split_words(
        """in the garden|at the bank|on the roof|under the bridge|by the river|behind the pub|in May|near the museum
        on the way home|above the village|between the houses|in Wyoming|from Boston to Vermont|outside|over there
        during the movie|at the office|in the bathroom"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p}, {n} {v} {n}.|Why has {n} been so {a}?|{n} {v} {n}, and {n} {v} {n}.|Was it {a} {p}?
        {d}, {n} {v} {n}.|I think {n} is {a}, but {n} looks {a}.|Have you seen {n} {p}?|What a {a} evening!
        {n} and {n} were {a} {p}.|We {v} {n} {d}.|They said: {n} {v} {n} {d}.|If {n} {v} {n}, I will go {p}.
        Please put {n} {p}.|How many of them {v} {n}?|No, {n}, not {n}!|Who {v} {n} {p}?|Believe me, {n} {v} {n}.
        Tell {n} that {n} is {a}.|{n}, {n} and {n}.|It was {a}, {a} and {a}.|{n}!|{n} {v} it {d}.|There is {n} {p}."""
    ),
    lines=split_words(
        """Yes.|No.|Hello!|Maybe.|Thank you very much.|Good morning.|What?|Mom!|Papa!|Wow.|Help me!|Bye bye.|Of course.
        I see.|Please stop.|Never mind.|Peter Piper picked a peck of pickled peppers.
        A big black bug bit a big black bear.|Many men moved my mother's mirrors.|We were away a year ago.
        The quick brown fox jumps over the lazy dog.|She sells sea shells by the sea shore.|How now, brown cow?
        Five very fine violins.|Bob bumped a pump.|That quick beige fox jumped in the air over each thin dog.
        Are those shy Eurasian footwear, cowboy chaps, or jolly earthmoving headgear?
        The beige hue on the waters of the loch impressed all, including the French queen.
        Vote for me, for Bob, for Pam.|Mop, bop, pop, top, shop.|Mat, bat, pat, vat, fat.
        You boo, who knew? Two blue shoes.|Oh, so slow, go home alone.|Ah, father, calm the car.
        He sees these green leaves.|Boys enjoy noisy toys.|Ma, pa, ba, fa, va, wa."""
    ),
)

_GERMAN = Lexicon(
    nouns=split_words(
        """der alte Bauer|meine Mutter|eine Hummel|der Bäcker|fünf Äpfel|die schöne Königin|unser Dorf|viele Bücher
        ein Pferd|der Pfarrer|das Fenster|die Freundin|mein Bruder|ein Vogel|das Boot|der Bürgermeister|zwölf Böcke
        die Brücke|frische Milch|ein warmes Brot|der Löffel|die Bühne|das Mädchen|ein Apfelbaum|die Zeitung
        der Schüler|ein Koffer|die Wolke|der Weg|alle Kinder|die Möwe|das Wasser|ein Lappen|der Eisschrank|die Woche
        das Papier|ihr Mann|der Zug|eine Pfütze|der Pfeffer|das Flugzeug|die Übung|der Frosch|neun Hühner|die Leute
        der Mond|ein Beutel|die Familie|der Bub|eine Kiwi|das Öl|ein Hund"""
    ),
    verbs=split_words(
        """kaufte|malte|bewegt|verfolgte|fand|liebt|bekommt|öffnete|vergaß|probiert|hob|brauchte|wäscht|bewundert
        verliert|schiebt|führte|begrüßt|übte|bemerkt|pflückte|verkauft|wirft|wollte|hörte|sah|schrieb|packte|empfing
        belohnt|prüft|würzte"""
    ),
    adjectives=split_words(
        """schön|böse|müde|freundlich|übermütig|warm|leer|furchtbar|klug|grün|fröhlich|möglich|empfindlich|wichtig|bunt
        neu|früh|völlig verrückt|schwer|süß|blöd|jung|köstlich|ewig"""
    ),
    adverbs=split_words(
        """langsam|immer wieder|vielleicht|ohne ein Wort|zusammen|am Abend|heute früh|überall|plötzlich|bestimmt
        wirklich oft|mit beiden Händen|umsonst"""
    ),
    places=split_words(
        """im Garten|am Bahnhof|auf dem Dach|unter der Brücke|bei uns zu Hause|vor dem Museum|in Hamburg|über dem Fluss
        hinter dem Haus|im Büro|in fünf Wochen|auf der Bühne|am Mittwoch|zwischen den Bäumen|in München|drüben"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p} {v} {n} {n}.|Warum ist {n} so {a}?|{n} {v} {n}, und {n} {v} {n}.|Ist es {p} {a}?
        Ich glaube, {n} ist {a}, aber {n} wirkt {a}.|Hast du {n} {p} gesehen?|Was für ein Abend!
        {n} und {n} waren {d} {p}.|Wir haben {n} {d} gesucht.|Wenn {n} kommt, bleibe ich {p}.
        Bitte bring {n} {p} vorbei.|Wie viele davon {v} {n}?|Nein, {n}, nicht {n}!|Wer {v} {n} {p}?
        Glaub mir, {n} {v} {n}.|{n}, {n} und {n}.|Es war {a}, {a} und {a}.|{n}!|{p} gibt es {n}.
        An den Wochenenden {v} {n} {n}.|In sieben Stunden wird {n} {a} sein.|{d} {v} {n} {n}."""
    ),
    lines=split_words(
        """Ja.|Nein.|Hallo!|Vielleicht.|Vielen Dank.|Guten Morgen.|Wie bitte?|Mama!|Papa!|Hilfe!|Auf Wiedersehen.
        Ach so.|Bitte nicht.|Bravo!|Übermorgen.|Fischers Fritz fischt frische Fische.
        Blaukraut bleibt Blaukraut und Brautkleid bleibt Brautkleid.
        Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.
        Falsches Üben von Xylophonmusik quält jeden größeren Zwerg.|Wer weiß, wo wir wohnen?
        Fünf Füchse fliehen vor vier Wölfen.|Bierbrauer Bauer braut braunes Bier.
        Oben blühen schöne Blumen, unten üben müde Kühe.|Mein Mann mag Marmelade.|Papa baut eine Bahn.
        Wie viele Vögel flogen vorbei?|Jörg möchte öfter höhere Löhne.|Über München glühen fünf frühe Lichter.
        Oma kommt oft ohne Opa.|Das Pferd pflügt den Pfad am Kopf der Pfütze.|Ein Haus, eine Maus, aus und vorbei.
        Neue Leute träumen heute."""
    ),
)

_FRENCH = Lexicon(
    nouns=split_words(
        """le vieux boulanger|ma mère|une abeille|le ballon bleu|cinq pommes|la femme|notre village|un bon vin blanc
        le juge|du poivre|une voiture|mon frère|chaque enfant|la fenêtre|le pain|un oiseau|la pluie|le beurre
        un homme|les yeux|une fleur|le boeuf|la montagne|un peu de soupe|le public|la vague"""
    ),
    verbs=split_words(
        """achète|peint|bouge|trouve|aime|porte|ouvre|oublie|veut|pousse|promène|voit|prépare|sauve|brûle|invente|mange
        boit|garde|emporte"""
    ),
    adjectives=split_words(
        """merveilleux|jeune|vide|peureux|doux|énorme|bizarre|impossible|calme|vif|brun|heureux|lointain|pauvre"""
    ),
    adverbs=split_words(
        """lentement|parfaitement|peut-être|sans un mot|ensemble|bientôt|souvent|aujourd'hui|encore une fois
        avec plaisir"""
    ),
    places=split_words(
        """dans le jardin|à la banque|sur le toit|sous le pont|au bord du fleuve|en mai|à Paris|devant le musée
        au bureau|là-bas"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p}, {n} {v} {n}.|Pourquoi {n} est si {a}?|{n} {v} {n}, et {n} {v} {n}.
        Je pense que {n} est {a}.|Avez-vous vu {n} {p}?|Quelle belle soirée!|Nous voulons {n} {d}.
        Si {n} {v} {n}, je viens {p}.|Non, {n}, pas {n}!|Qui {v} {n} {p}?|{n}, {n} et {n}.|{n}!"""
    ),
    lines=split_words(
        """Oui.|Non.|Bonjour!|Peut-être.|Merci beaucoup.|Maman!|Papa!|Au revoir.|Bien sûr.
        Portez ce vieux whisky au juge blond qui fume.|Un bon vin blanc.|Peu à peu, le feu brûle.
        Tu as vu une lune brune.|Le boeuf et l'oeuf.|Vive la vie, vous voyez bien.
        Bébé boit, papa bouge, maman mime."""
    ),
)

_SPANISH = Lexicon(
    nouns=split_words(
        """el viejo panadero|mi madre|una abeja|el globo azul|cinco mapas|la mujer|nuestro pueblo|un buen vino|el juez
        la pimienta|el coche|mi hermano|cada niño|la ventana|el pan|un pájaro|la lluvia|los ojos|una flor|el bosque
        la montaña|un poco de sopa|el famoso museo|la ola|el jefe"""
    ),
    verbs=split_words(
        """compra|pinta|mueve|encuentra|ama|lleva|abre|olvida|quiere|empuja|ve|prepara|salva|bebe|guarda|vende|inventa
        busca"""
    ),
    adjectives=split_words(
        """maravilloso|joven|vacío|feliz|suave|enorme|famoso|imposible|tranquilo|vivo|pobre|bueno|lejano"""
    ),
    adverbs=split_words(
        """despacio|perfectamente|quizás|sin una palabra|juntos|pronto|a menudo|hoy|otra vez|con mucho gusto"""
    ),
    places=split_words(
        """en el jardín|en el banco|sobre el tejado|bajo el puente|junto al río|en mayo|en Bilbao|delante del museo
        en la oficina|allí"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p}, {n} {v} {n}.|¿Por qué {n} es tan {a}?|{n} {v} {n}, y {n} {v} {n}.|Creo que {n} es {a}.
        ¿Ha visto {n} {p}?|¡Qué tarde!|Queremos {n} {d}.|Si {n} {v} {n}, voy {p}.|No, {n}, no {n}.
        ¿Quién {v} {n} {p}?|{n}, {n} y {n}.|¡{n}!"""
    ),
    lines=split_words(
        """Sí.|No.|¡Hola!|Quizás.|Muchas gracias.|¡Mamá!|¡Papá!|Adiós.|Claro.|Un buen vino blanco, por favor.
        El pingüino Wenceslao hizo kilómetros.|Pablito clavó un clavito.|Tres tristes tigres.|Mi mamá me mima mucho.
        Vamos a ver un bonito bebé.|El burro, la burra y el perro."""
    ),
)

_ITALIAN = Lexicon(
    nouns=split_words(
        """il vecchio fornaio|mia madre|un'ape|il pallone|cinque mappe|la donna|il nostro villaggio|un buon vino
        il giudice|il pepe|mio fratello|la finestra|il pane|un uccello|la pioggia|gli occhi|un fiore|il bosco
        la montagna|la famosa opera"""
    ),
    verbs=split_words(
        """compra|dipinge|muove|trova|ama|porta|apre|vuole|spinge|vede|prepara|salva|beve|vende|cerca|inventa"""
    ),
    adjectives=split_words(
        """meraviglioso|giovane|vuoto|felice|morbido|enorme|famoso|impossibile|calmo|vivo|povero|buono"""
    ),
    adverbs=split_words("""piano|perfettamente|forse|senza parole|insieme|presto|spesso|oggi|ancora una volta"""),
    places=split_words(
        """in giardino|in banca|sul tetto|sotto il ponte|lungo il fiume|a maggio|a Bologna|davanti al museo|in ufficio
        là"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p}, {n} {v} {n}.|Perché {n} è così {a}?|Credo che {n} sia {a}.|Hai visto {n} {p}?
        Se {n} {v} {n}, vado {p}.|Chi {v} {n}?|{n}, {n} e {n}."""
    ),
    lines=split_words(
        """Sì.|No.|Ciao!|Forse.|Grazie mille.|Mamma!|Papà!|Arrivederci.|Che bella sera!
        Un buon vino bianco, per favore.|Vorrei un po' di uova e pomodori."""
    ),
)

_DUTCH = Lexicon(
    nouns=split_words(
        """de oude boer|mijn moeder|een bij|de blauwe ballon|vijf appels|de vrouw|ons dorp|een goed boek|de rechter
        het huis|mijn broer|het raam|het brood|een vogel|de regen|de ogen|een bloem|het bos|de burgemeester|de muis
        een deur|vuur"""
    ),
    verbs=split_words(
        """koopt|verft|beweegt|vindt|draagt|opent|vergeet|wil|duwt|ziet|bewaart|verkoopt|zoekt|probeert|leert"""
    ),
    adjectives=split_words("""wonderlijk|jong|leeg|blij|zacht|groot|beroemd|onmogelijk|rustig|arm|goed|nieuw|vuil"""),
    adverbs=split_words("""langzaam|misschien|zonder een woord|samen|vaak|vandaag|nog een keer|buiten|morgen"""),
    places=split_words(
        """in de tuin|bij de bank|op het dak|onder de brug|in mei|in Antwerpen|voor het museum|op kantoor|daar"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|Waarom is {n} zo {a}?|Ik denk dat {n} {a} is.|Heb je {n} {p} gezien?|Wie {v} {n} {p}?
        {n}, {n} en {n}.|Nee, {n}, niet {n}!|{d} {v} {n} {n}."""
    ),
    lines=split_words(
        """Ja.|Nee.|Hallo!|Misschien.|Dank u wel.|Mama!|Papa!|Tot ziens.|Natuurlijk.
        De kat krabt de krullen van de trap.|Vijf vuile voeten bewegen buiten."""
    ),
)

_PORTUGUESE = Lexicon(
    nouns=split_words(
        """o velho padeiro|minha mãe|uma abelha|o balão azul|cinco mapas|a mulher|nossa aldeia|um bom vinho|o juiz
        a pimenta|meu irmão|a janela|o pão|um pássaro|a chuva|os olhos|uma flor|o bosque|a montanha|um pouco de sopa
        o famoso museu"""
    ),
    verbs=split_words(
        """compra|pinta|move|encontra|ama|leva|abre|esquece|quer|empurra|vê|prepara|bebe|guarda|vende|inventa"""
    ),
    adjectives=split_words("""maravilhoso|jovem|vazio|feliz|suave|enorme|famoso|impossível|calmo|vivo|pobre|bom"""),
    adverbs=split_words("""devagar|perfeitamente|talvez|sem uma palavra|juntos|em breve|hoje|outra vez"""),
    places=split_words(
        """no jardim|no banco|sobre o telhado|sob a ponte|em maio|em Lisboa|diante do museu|no escritório|ali"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p}, {n} {v} {n}.|Por que {n} é tão {a}?|Acho que {n} é {a}.|Você viu {n} {p}?
        Se {n} {v} {n}, vou {p}.|Quem {v} {n}?|{n}, {n} e {n}."""
    ),
    lines=split_words(
        """Sim.|Não.|Olá!|Talvez.|Muito obrigado.|Mamãe!|Papai!|Até logo.|Um bom vinho branco, por favor.
        Amanhã bem cedo vamos embora."""
    ),
)

_POLISH = Lexicon(
    nouns=split_words(
        """stary piekarz|moja matka|pszczoła|niebieski balon|pięć map|kobieta|nasza wieś|dobre wino|sędzia|pieprz
        mój brat|każde dziecko|okno|chleb|ptak|deszcz|oczy|kwiat|las|góra|trochę zupy|słynne muzeum|wąż"""
    ),
    verbs=split_words(
        """kupuje|maluje|rusza|znajduje|kocha|nosi|otwiera|zapomina|chce|pcha|widzi|pije|ma|sprzedaje|bierze"""
    ),
    adjectives=split_words(
        """cudowny|młody|pusty|wesoły|miękki|ogromny|sławny|niemożliwy|spokojny|żywy|biedny|dobry"""
    ),
    adverbs=split_words("""powoli|doskonale|może|bez słowa|razem|wkrótce|często|dzisiaj|jeszcze raz"""),
    places=split_words(
        """w ogrodzie|w banku|na dachu|pod mostem|nad rzeką|w maju|w Warszawie|przed muzeum|w biurze|tam"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p} {n} {v} {n}.|Dlaczego {n} jest taki {a}?|Myślę, że {n} jest {a}.|Kto {v} {n} {p}?
        {n}, {n} i {n}.|Nie, {n}, nie {n}!"""
    ),
    lines=split_words(
        """Tak.|Nie.|Cześć!|Może.|Dziękuję bardzo.|Mamo!|Tato!|Do widzenia.|Pchnąć w tę łódź jeża lub ośm skrzyń fig.
        W Szczebrzeszynie chrząszcz brzmi w trzcinie."""
    ),
)

LEXICONS: Final[dict[str, Lexicon]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "fr": _FRENCH,
    "es": _SPANISH,
    "it": _ITALIAN,
    "nl": _DUTCH,
    "pt": _PORTUGUESE,
    "pl": _POLISH,
}
