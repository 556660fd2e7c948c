"""English words with what they say, each expression of whole words; apostrophes are gone ("im", "cant")."""

from care_robot.care.lexicon import Mark, english

SURE = (
    r"(?:(?:really|quite|perfectly|absolutely|totally|completely|just|very|pretty|honestly|all|still|"
    r"actually|now|right now|as right as rain|truly|doing|feeling|so|definitely|certainly|both) )*"
)
FINE = (
    r"(?:ok|okay|o k|fine|alright|all right|well|good|great|unhurt|uninjured|unharmed|all good|grand|"
    r"safe|in one piece|right as rain|dandy|okey dokey|fit as a fiddle|safe and sound|tip top|"
    r"fine and dandy|peachy|splendid|a ok|hunky dory)"
)
PART = (
    r"(?:leg|legs|hip|hips|back|head|arm|arms|knee|knees|wrist|ankle|chest|stomach|neck|shoulder|elbow|"
    r"foot|feet|hand|hands|ribs?|tummy|heart|side|spine|belly|finger|toe|face|eye|eyes|bones?|tailbone|"
    r"thigh|belly|nose|teeth)"
)
PERSON = (
    r"(?:son|daughter|wife|husband|nurse|nurses|doctor|carer|carers|caregiver|caretaker|family|"
    r"neighbou?r|neighbou?rs|brother|sister|mother|mum|mom|father|dad|grandson|granddaughter|niece|"
    r"nephew|friend|staff|somebody|someone|anybody|anyone|aide|social worker|care worker|manager|kids|"
    r"children|child|guardian|warden|matron|reception|front desk|boy|girl|partner|gp|physician|attendant|"
    r"person|people|human|relative|relatives|cousin|aunt|uncle|assistant|helper|family member|"
    r"real person|a human|them|him|her|mary|john|sarah|tom|anna|david|peter|susan|jane|james|duty nurse|"
    r"security|concierge|office|volunteer|son in law|daughter in law|priest)"
)
REST_OF = r"(?: (?!i\b|im\b|ive\b|my\b|me\b|help\b|and\b|but\b|please\b|it\b)\w+){0,5}"
"""The next words, up to those that speak of the speaker."""
THE = (
    r"(?:(?:my|the|a|an|our|another|your|on duty|night|some|head|that|older|eldest|youngest|younger|"
    r"elder|district|family|home|dear|old|to|up) )*"
)
NOT = (
    r"(?:not|never|hardly|far from|anything but|isnt|arent|aint|wasnt|less than|not exactly|not really|"
    r"not so|not too|not feeling|not doing|not at all|by no means|not very|not feeling very|"
    r"not feeling too|not feeling so|not all that|not entirely|not quite|no longer|dont feel|do not feel|"
    r"dont feel very|dont feel so|dont feel too|dont think im|cant say im|wouldnt say im|dont think i am|"
    r"dont feel at all|not sure im not|nowhere near|not one bit|not completely|not really feeling|"
    r"not perfectly|not totally|didnt feel)"
)
ADV = (
    r"(?:(?:so|very|really|too|a bit|a little|quite|rather|pretty|badly|still|all|terribly|awfully|just|"
    r"kind of|sort of|feeling|getting) )*"
)
MEDICINE = (
    r"(?:medicine|medicines|medication|medications|meds|pill|pills|tablet|tablets|drugs|dose|doses|"
    r"capsule|capsules|blood pressure pills?|heart pills?|heart tablets?|vitamins)"
)
IT = (
    rf"(?:it|them|em|those|that|mine|(?:(?:my|the|all|all my|all the|both|both my|two|the both of|"
    rf"both of|all of my|"
    rf"all of the|every one of my|of|this|these|those|morning|evening|todays|one|that|little|blue|white|"
    rf"noon|night) )*{MEDICINE}|"
    rf"(?:my |the )?(?:morning|evening|night|lunchtime) (?:ones|one|lot)|(?:the )?(?:little )?(?:white|"
    rf"blue|red|yellow|pink|morning|evening|last|"
    rf"first|other) (?:one|ones)|every last one|all of them|all of it|(?:the )?both of them|"
    rf"(?:the )?two of them|every one|everything|"
    rf"the lot)"
)
WHEN = (
    r"(?:(?: a (?:little |short )?while (?:ago|back)| with (?:my |some |a |a glass of |a cup of )?\w+|"
    r" at (?:\w+ oclock|\w+)| after (?:my )?\w+| before (?:my )?\w+| already| just now| earlier|"
    r" a while ago| a minute ago| this morning| with breakfast| after breakfast| with lunch| after lunch|"
    r" today| before| yes| on time| with water| with some water| a moment ago| at breakfast| at eight|"
    r" an hour ago| half an hour ago| ten minutes ago| after dinner| with dinner| with my tea|"
    r" with some juice| with juice| with milk| with a drink| two hours ago| hours ago| when i got up|"
    r" when i woke up| first thing| first thing this morning| right after breakfast| right after lunch|"
    r" straight after breakfast| just before you came| you know| honest| honestly| dear| love| i promise|"
    r" myself| at seven| at nine| at ten| last night| at noon| right on time| as soon as i got up|"
    r" with a glass of water| all| thanks| at lunch| a few minutes ago| before breakfast| tonight|"
    r" at dinner))*"
)

EN = english(
    {
        Mark.RESCUE: [
            (
                r"(?:please )?help(?: me| us| please| needed| now| quickly| up| i need help| here|"
                r" over here)*|i need (?:some |your |a bit of )?(?:help|assistance|a hand)|"
                r"need (?:some )?(?:help|assistance|a hand)|(?:get|send|fetch|bring|find|i want|want|"
                r"call for|call)(?: me| some)? help|helpme|i could (?:do with|use) (?:some |a )?(?:help|"
                r"hand)|assistance|sos|mayday|rescue(?: me)?"
            ),
            (
                r"(?:call |get |send |fetch |i need |dial |phone |ring )?(?:me )?(?:an |the |for an |"
                r"for the )?(?:ambulance|emergency|paramedics?|emergency services|fire brigade|firemen)|"
                r"911|119|999|112|nine one one|nine nine nine|one one nine|save me|somebody save me|"
                r"emergencies"
            ),
            (
                r"(?:call|get|send|fetch|bring|find) (?:somebody|someone|anybody|anyone)(?: quick|"
                r" quickly| now| please| here)*|is (?:anybody|anyone|somebody|someone) (?:there|here|"
                r"home|around)|(?:can|could|will|would) (?:anybody|anyone|somebody|someone|"
                r"you) (?:hear me|help(?: me)?|come(?: here)?|pick me up|get me up|lift me|"
                r"give me a hand)(?: up)?"
            ),
            (
                r"(?:please )?(?:pick|lift|get|pull|help|raise|sit) me (?:up|out|off|out of here)|"
                r"give me a hand|(?:theres a |there is a |its a |house is on )?fire|smoke|i smell (?:gas|"
                r"smoke)|burglar|intruder|get me out|hold me|dont leave me|come quick(?:ly)?|hurry"
            ),
        ],
        Mark.DISTRESS: [
            r"(?:(?:once|when|if|until|after|as soon as) )?(?:somebody|someone|anybody|anyone|you|they|"
            r"he|she|a nurse|the nurse) (?:has |have |can )?help(?:s|ed)?(?: (?:me|us|up|out))*|"
            r"helps? me (?:up|out)",
            (
                r"hurts?|hurting|hurted|pains?|painful|painfully|injured|injury|injuries|bleeding|bleed|"
                r"blood|bloody|broken|broke|broken|fracture|fractured|stuck|trapped|pinned|cannot|cant|"
                r"can not|couldnt|could not|unable|not able|wont|dizzy|dizziness|lightheaded|"
                r"light headed|faint|fainted|fainting|fainty|woozy|giddy|spinning|breathe|breath|"
                r"breathing|breathless|choking|suffocating|hospital|dying|die|ache|aches|aching|achy|"
                r"sore|soreness|throbbing|stinging|burning|burn|burned|burnt|ow|ouch|ouchie|oww+|aargh|"
                r"argh|agony|cramp|cramps|sprained|sprain|twisted|dislocated|swollen|swelling|bruised|"
                r"bruise|cut|numb|numbness|tingling|paralysed|paralyzed|weak|weakness|collapsed|collapse|"
                r"passed out|blacked out|unconscious|vomit|vomited|vomiting|throwing up|threw up|"
                r"nauseous|nausea|sick|ill|unwell|awful|terrible|dreadful|horrible|killing me|"
                r"excruciating|unbearable|im down|i went down|went down hard|heart attack|"
                r"feel my (?:legs?|arms?|feet|foot|hands?|face)|miserable|poorly|bad|worse|scared|afraid|"
                r"frightened|terrified|shaking|trembling|shaky|shivering|freezing|fever|stroke|seizure|"
                r"heart attack|concussion|struggling|difficult|hard to|in trouble|trouble|"
                r"something is wrong|somethings wrong|somethings not right|something isnt right|wrong|"
                r"danger|dangerous|blurry|confused|disoriented|palpitations|suffering|hit my head|"
                r"banged my head|bumped my head|knocked my head|no strength|no energy|exhausted|drowning|"
                r"dont feel right|feel funny|feel strange|feel odd|feeling strange|feeling funny|"
                r"feel weird|popped out|snapped|gave out|gave way|wet myself|pounding|tight|tightness|"
                r"overdose|lost feeling|no feeling|urgent|urgently|hemorrhage|dislocate|stabbing"
            ),
            (
                r"(?:i )?(?:just )?(?:cant|cannot|can not|couldnt|could not|not able to|unable to|"
                r"wont be able to|dont think i can|struggle to|struggling to|trying to|no way to|"
                r"im trying to|cant seem to|not sure i can|dont know if i can) (?:seem to |even |"
                r"really )?(?:get|stand|move|walk|sit|feel|breathe|see|bear|put weight|reach|lift|"
                r"bend)(?: (?:back up|up|my \w+|at all|properly|off the floor|it anymore|anymore|"
                r"by myself|on my own|alone))?"
            ),
            (
                rf"(?:i ?m |im |am |i am |its |everything is |all is |things are |i |no i ?m )?{NOT} "
                rf"{ADV}(?:{FINE}|comfortable|right|myself|the best|too hot|so hot|too clever)"
            ),
            (
                r"(?:someone|somebody|anyone|anybody) (?:please )?come(?: quick| quickly| here| now|"
                r" please| over)*|please come(?: quick| quickly| here| now)*|my heart(?: is|"
                r"s)? (?:racing|pounding|fluttering|skipping|hammering|acting up)|(?:unable|failed|"
                r"failing) to (?:get|stand|move|walk)|lying here(?: for)?|on the floor for|been (?:lying|"
                r"down|on the floor) here|couldnt be worse|nothing is (?:ok|okay|fine|alright|all right)|"
                r"my (?:leg|legs|hip|arm|back|knee)s? (?:wont|doesnt|does not|dont|do not) (?:move|work|"
                r"bend|hold|want)|does(?:nt| not) move|stopped breathing|doctor|hospital"
            ),
            rf"(?:oh|ah|ow|ouch|argh) (?:dear |no |god )?my {PART}",
            (
                r"(?:nothing|no place|nowhere|no part) (?:\w+ )?(?:doesnt|does not|dont|isnt) (?:hurt|"
                r"hurting|sore|ache)\w*"
            ),
            r"not (?:that )?(?:im )?(?:not )?(?:un)?hurt at all not",
        ],
        Mark.FELL: [
            (
                r"(?:i |ive |i have |i just |just |only |i only |i may have |i think i |i nearly |"
                r"i almost |well i )*(?:just )?(?:slipped|fell|fallen|tripped|stumbled|toppled|tumbled|"
                r"slid|took a (?:tumble|spill|fall)|had a (?:little |small )?(?:fall|tumble)|"
                r"lost my (?:balance|footing)|missed a step|missed the chair|bumped into (?:it|"
                r"the (?:table|door|chair|wall))|landed (?:softly|on my bottom))(?: (?:for a (?:second|"
                r"moment)|(?:over|on|off|in|out of|from|against) (?:the|my|a|that) \w+|a bit|a little|"
                r"down|over|off the (?:chair|bed|sofa)|out of bed|on the (?:floor|rug|carpet|mat)|there|"
                r"is all|and|that is all|thats all|in the (?:bathroom|kitchen|hall)))*(?: but)?"
            ),
        ],
        Mark.HURT_THEN: [r"(?:i )?had (?:surgery|an operation)"],
        Mark.THEN: [
            (
                r"(?:many |long |some |few |a few |ten |twenty |two |three |\d+ )?years ago|last (?:week|"
                r"year|month|summer|winter)|when i was (?:young|a (?:boy|girl|child|kid)|younger|little)|"
                r"long ago|in the (?:war|old days)|back then|in my youth|once upon a time|as a (?:boy|"
                r"girl|child)"
            )
        ],
        Mark.MEDIA: [
            (
                r"(?:\w+ )?(?:people|men|women|children|passengers|workers|victims|residents|soldiers|"
                r"players) (?:were |was |are |have been |got )?(?:\w+ )?(?:hurt|injured|killed|wounded|"
                r"rescued|trapped|sick|died|dead)|(?:police|officials|authorities|firefighters|witnesses|"
                r"scientists|doctors|experts) (?:said|say|reported|confirmed|warn)|coming up next|"
                r"after the break|back to you|(?:tonight|today) at (?:six|ten|eleven|nine|seven)|"
                r"on (?:the )?(?:tv|telly|television|radio|news)|(?:in|from) the (?:movie|film|news|show|"
                r"drama|play|book|story|paper)|the (?:news|tv|radio|television|program|programme|show|"
                r"film|movie|weatherman|announcer|reporter)(?: (?:said|says|is|was))?|breaking news|"
                r"this just in|welcome back|stay tuned"
            )
        ],
        Mark.HEARSAY: [
            (
                r"(?:he|she|they|people|somebody|someone|the (?:man|woman|actor|lady|doctor|hero|patient|"
                r"boy|girl)|that (?:man|woman|boy|girl)|my (?:friend|neighbou?r|friends)) (?:said|says|"
                r"was|were|is|are|got|had|has|fell|broke|hurt|shouted|screamed|cried|died|keeps|kept|"
                r"told)(?: (?:he|she|they|me))?(?: (?:was|were|is|are|had|that|saying|shouting|screaming|"
                r"crying))?(?: (?:badly|very|so|really|in|her|his|their))?(?: (?:hurt|injured|sick|ill|"
                r"dizzy|pain|fine|help|leg|hip|arm|dying|bleeding|hospital|ok|okay|alright))*"
            )
        ],
        Mark.STOP: [
            (
                r"(?:please |hey |wait |no |just |robot |ok |now |can you |could you |would you |"
                r"will you |you need to |you have to |you must |i want you to |id like you to |"
                r"i need you to |i said |right )*(?:stop|halt|freeze|whoa|woah|cease|quit|enough|"
                r"thats enough|that is enough|knock it off|cut it out|quit it|stop the robot|"
                r"stop that thing|i said stop|you stop|youre hurting me stop|stop stop)(?: (?:it|now|"
                r"right now|right there|there|please|moving|immediately|at once|this instant|robot|stop|"
                r"everything|this|that|your motors?|dead|the (?:robot|arm|wheels|base|"
                r"motor|motors|gripper|machine|lift)|what youre doing|what you are doing|following me|"
                r"chasing me|pushing me|your engine|the wheels|your wheels|turning|it at once|going|"
                r"driving|coming(?: closer)?|rolling|at once please))*|dont (?:move|"
                r"come (?:any )?(?:closer|nearer)|touch me|go|you move|you come closer)(?: please)?|"
                r"do not move|hold it(?: right there)?|thats far enough|far enough|stay still|"
                r"hold your position|come to a (?:stop|halt)|no further|all stop|go back|get back|"
                r"stand back|hold up|stand still|stay (?:there|away|back|put)|keep away|"
                r"back off|get away(?: from me)?|emergency stop|e stop|do not (?:come closer|touch me)|"
                r"dont come near(?: me)?|hold still|power off|shut (?:down|off)|turn (?:yourself )?off|"
                r"go no further"
            ),
        ],
        Mark.QUIET: [
            r"(?:oh |do |please |just |will you |would you |for goodness sake |now )*"
            r"(?:be quiet|keep quiet|hush|hush up|shush|quiet|pipe down|shut up|stop talking|give it a rest|"
            r"leave me in peace|leave me alone)(?: (?:now|please|will you|would you|you))*"
        ],
        Mark.CALL: [
            (
                rf"(?:please |can you |could you |would you |will you |i want you to |i d like you to |"
                rf"id like you to |i need you to |just |go |quickly |go and |and )*(?:call|phone|ring|"
                rf"get|fetch|bring|contact|notify|alert|page|telephone|send for|send|tell|summon|text|"
                rf"message|inform|reach|find|get hold of|give a call to|facetime|get in touch with|"
                rf"go get|ask|let|dial|buzz) (?:for |up |me |over |in )*{THE}{PERSON}(?: (?:know|to come|"
                rf"please|for me|now|here|over|up|in|to call me|back|right away|to call|on the phone|"
                rf"quickly|quick|at once|to phone me|a call|a ring|to come over|to come here|to ring me|"
                rf"soon|to help|to visit))*"
            ),
            (
                rf"(?:i )?(?:just )?(?:want|need|would like|d like|id like|wish|must|have|like|wanna|"
                rf"gotta|got)(?: (?:to|you to))?(?: (?:talk to|speak to|speak with|talk with|see|call|"
                rf"phone|have|ring|get|contact|reach|be with|hear from|facetime))* {THE}(?!them with){PERSON}"
                rf"(?: (?:here|now|please|to come|right away|to come over|over here|with me|"
                rf"to come here))*"
            ),
            (
                rf"(?:can|could|may|let|will|would|should) (?:i|me|you|we) (?:please |just )*(?:talk to|"
                rf"speak to|speak with|talk with|see|call|phone|ring|have|get|contact|put me through to|"
                rf"connect me to|connect me with) (?:for )?{THE}{PERSON}(?: (?:here|now|please|over))*|"
                rf"(?:put|connect) me (?:through|on|up)?(?: )?(?:to|with) {THE}{PERSON}|give {THE}"
                rf"{PERSON} a (?:call|ring|shout|bell|buzz)|let {THE}{PERSON} know|"
                rf"make a (?:phone )?call|have {THE}{PERSON} (?:come|call|phone|ring)(?: (?:me|over|here|"
                rf"by))*|(?:make|place) a call to {THE}{PERSON}|where is (?:my|the) (?:nurse|carer|"
                rf"caregiver|doctor)|nurse(?: please)?|doctor please|carer|get {THE}{PERSON}"
                rf" on the (?:phone|line)"
            ),
        ],
        Mark.CARER: [r"nurse|carer|caregiver|matron"],
        Mark.REPEAT: [
            (
                r"(?:sorry |im sorry |i m sorry )?(?:pardon|come again|say what|what was|what did|"
                r"what do you mean|what are you|excuse me what|whats that|what is that|hm|"
                r"hmm\?)(?: (?:me|was that|did you say|did you ask|do you mean|are you saying|is it|"
                r"again|are you asking|dear|now|please|on earth|in the world|i beg your pardon|"
                r"did you just say|were you saying|exactly|do you want|are you on about|"
                r"on earth did you say|you say|you said))*|(?:i )?beg (?:your )?pardon|pardon(?: me)?"
            ),
            (
                r"(?:(?:please|can|could|would|will|you|just|to|i need you to|sorry|id like you to|"
                r"ask you to|do|mind|kindly|you please) )*(?:say|repeat|saying|repeating|ask|tell|asking|"
                r"telling|run)(?: (?:it|that|me|yourself|the question|what you said|this|by me|"
                r"your question|the last bit|what you just said|that bit))*(?: (?:again|once more|"
                r"one more time|another time|please|slowly|louder|more slowly|a bit louder|more clearly|"
                r"clearly|for me|over|slower|once again|a little louder|one more|"
                r"a bit slower))*(?<!ask)(?<!say)(?<!tell)(?<!run)(?<!tell me)(?<!ask me)|(?:once|"
                r"one) more(?: time)?(?: please)?|again(?: please)?"
            ),
            (
                r"(?:sorry |im sorry |i |i really |i still |just )*(?:didnt|did not|cant|cannot|couldnt|"
                r"could not|dont|do not|hardly|can barely|could barely|barely|didnt quite|couldnt quite|"
                r"cant quite|dont quite|hard to|missed)(?: (?:quite|really|even|properly|"
                r"fully))*(?: )?(?:hear|catch|get|understand|make out|follow|heard|caught|"
                r"that)(?: (?:you|that|what|it|the question|a word|anything|properly|well|very|you said|"
                r"said|are saying|were saying|your|question|all|of|what you said|any|im|deaf|so|bit|one|"
                r"last|the|out|mean|asked|what you mean|you asked|what you want))*"
            ),
            (
                r"(?:(?:can|could|would|please|you|will|just) )*(?:speak|talk)(?: (?:up|louder|slower|"
                r"slowly|more slowly|more clearly|clearly|a bit|a little|please|into|my good ear|"
                r"a bit louder|a little louder))+|(?:a bit |a little )?(?:louder|slower|"
                r"more slowly)(?: please)?|im (?:hard of hearing|a bit deaf|deaf)|my hearing(?: \w+){0,4}"
                r"|hearing aids?(?: \w+){0,3}|too (?:quiet|fast)|you are mumbling|youre mumbling|"
                r"turn (?:it|the volume|the sound) up|what are you talking about"
            ),
        ],
        Mark.WHAT: [
            (
                r"(?:(?:sorry|what|eh|huh|excuse me|hm|hmm|im sorry) )*(?:sorry(?= \?)|im sorry(?= \?)|"
                r"what|eh|huh|excuse me)|(?:hm|hmm|yes|yeah|ok)(?= \?)"
            )
        ],
        Mark.NOT_SURE: [
            (
                r"(?:(?:i|im|i am|really|honestly|just|well|no|sorry) )*(?:not (?:so |too |really |"
                r"quite |very |entirely |completely |a hundred percent |100 |at all )*(?:sure|certain)|"
                r"dont know|do not know|dunno|no idea|have no idea|havent a clue|no clue|"
                r"havent the foggiest|couldnt (?:say|tell you)|cant (?:say|tell|remember|recall|be sure|"
                r"think|really say|quite remember|really tell|really remember|"
                r"for the life of me remember)|cannot (?:say|tell|remember|recall|be sure)|"
                r"dont (?:remember|recall|really know|think so|quite know|quite remember|really remember|"
                r"exactly know|rightly know|even know|honestly know|exactly remember)|do not (?:remember|"
                r"recall)|unsure|uncertain|forget whether|forget if|forgot whether|forgot if|"
                r"im forgetting|am forgetting|wish i knew|lost track|have lost track|its hard to (?:say|"
                r"tell)|hard to (?:say|tell|know)|difficult to (?:say|tell)|who knows|"
                r"your guess is as good as mine|beats me|couldnt tell|youd have to check|it depends|"
                r"mixed up|in two minds|of two minds|search me|doubt it|havent the faintest(?: idea)?|"
                r"hard to remember|not certain|might be|might not|may or may not)(?: (?:if|whether|that|"
                r"what|how|about|i|im|am|ok|okay|fine|alright|all right|it|did|took|take|taken|them|or|"
                r"not|feel|to|be|honest|right|now|hurt|its|is|wrong|happened|the|my|pills?|already|have|"
                r"had|any|one|this|morning|today|yet|honestly|really|at all|medicine|tablets?|meds|"
                r"medication|so|anymore|well|everything|yesterday|exactly|myself|say|answer|for|sure|"
                r"that one|should|anything|think|either|been|where|was|feeling|with|going|on|doctor))*"
            ),
            (
                r"(?:did|have|had) i(?: (?:already|take|taken|have|had|them|it|my|pills?|medicine|or|not|"
                r"the|medication|today|meds|tablets?|one|yet|this morning))*|(?:maybe|perhaps|possibly|"
                r"probably|i think|i believe|i guess|i suppose|i might have|i may have|i must have|"
                r"i think i might have|im pretty sure|i probably|i suppose i|i believe i|i think i|"
                r"i thought i|i could have|i should have|as far as i remember|im fairly sure i|"
                r"im almost sure i) (?:i )?(?:already )?(?:took|did|have|had|taken|take|i did|i have|"
                r"i took)(?: (?:it|them|my|the|pills?|medicine|already|tablets?|one|some|taken|meds|"
                r"medication|this morning|earlier|today|mine|had))*|maybe(?: so| not| i did| i have| yes|"
                r" no)?(?! im| i am)|perhaps(?: not| so)?|possibly|probably(?: not)?|i think so|"
                r"i believe so|i forget|i suppose so|i guess so|i hope so|i cant remember whether|"
                r"hard to say|i wonder(?: \w+){0,4}|more or less|i think not"
            ),
        ],
        Mark.DOUBT: [
            (
                r"cant complain|i cant complain|i think|i guess|i suppose|i hope|i believe|maybe|perhaps|"
                r"probably|possibly|might|may|could|should|would|will be|ill be|if|unless|until|when|"
                r"seems?|sort of|kind of|so so|could be (?:better|worse)|not (?:too |so |that )?bad|"
                r"getting by|hanging in there|surviving|ok ish|okayish|fine ish|almost|nearly|mostly|"
                r"somewhat|fairly|more or less|supposed|try|trying|wish|wonder|better|used to|was|were|"
                r"been|had|about|going to|gonna|ive been better|i have been better|ive been worse|"
                r"cant complain|could say|depends|a bit|a little|so long as|as long as|except|apart from|"
                r"other than|though|but|however|yet|until|before|hopefully|pretending|act|acting|said|"
                r"ask|asked|told|are you|is he|is she|everyone|i dont feel|apparently|supposedly|"
                r"technically|physically|fine like|whether|or"
            ),
        ],
        Mark.LATER: [
            (
                r"(?:(?:ill|i will|i shall|let me|lets|can i|could i|maybe|i|id rather|i would rather|"
                r"we can|please|going to|im going to|gonna|want to|do|take|have|taking|it|them|that|my|"
                r"pills?|medicine|tablets?|this|the|talk|ask|remind|call|come|back|try|me|again|tell|you|"
                r"finish|get|ask me|remind me|see|come back|deal|with|be|do that|medication|meds|answer|"
                r"check|not|right) )*(?:later(?: on)?|in a (?:bit|minute|moment|while|little while|"
                r"little|second|sec|few|few minutes|jiffy|tick|mo)|in (?:a few|ten|five|twenty|thirty|"
                r"fifteen|an|half an|one|two|\d+) ?(?:minutes?|hours?|mins?|hour)?|after (?:my |the |"
                r"this |i |ive |a |some )*(?:dinner|lunch|breakfast|supper|meal|nap|show|shower|bath|tea|"
                r"program|programme|eat|eating|film|movie|news|walk|phone call|call|eaten|finish|"
                r"finished|rest|coffee|sleep|i eat|break)|some other time|another time|tomorrow|tonight|"
                r"this evening|this afternoon|before bed|at bedtime|with (?:dinner|lunch|supper|"
                r"my dinner|my lunch|my supper|my meal)|next time|soon|shortly|presently|when (?:im|ive|"
                r"i am|i have|my \w+ (?:is|are)|the \w+ (?:is|are)|this is) (?:done|finished|ready|home|"
                r"hungry|over|up|eaten|back|through|awake|had \w+|better)|when i (?:eat|finish|wake up|"
                r"get up|get home|go to bed|feel like it|have eaten)|by and by|once i [a-z ]{1,20}|"
                r"at (?:lunch|dinner|noon|bedtime|six|seven|eight|lunchtime|night))(?: (?:please|dear|on|"
                r"thanks|thank you|okay|ok|perhaps|maybe|again|time|for me|love|when im done|then|"
                r"as well|instead))*"
            ),
            (
                r"(?:please )?(?:(?:just |hang on |hold on |wait )*(?:a |one |another |for |me |"
                r"give me )*(?:minute|moment|second|sec|mo|tick|bit|few minutes|little while|"
                r"little more time|little longer|while|jiffy|little time|half hour|hour|half an hour|"
                r"ten minutes|five minutes))(?: (?:please|longer|dear|more|yet))*|(?:please )?(?:wait|"
                r"hold on|hang on|not (?:now|just now|right now|at the moment|this minute|ready|"
                r"ready yet|today|right this minute)|be patient|patience|remind me(?: again)?|"
                r"ask me again|snooze|postpone|delay|put it off|one thing at a time|"
                r"give me (?:some )?time|let me (?:rest|finish|sleep|eat|catch my breath|think|sit|"
                r"have)(?: \w+){0,5}|im (?:busy|eating|in the (?:bath|bathroom|middle of something)|"
                r"on the phone|having (?:lunch|dinner|breakfast|my lunch|my dinner)|not ready)|i am busy|"
                r"no hurry|busy(?: right now| now)?)(?: (?:please|dear|yet|a bit|a moment|a minute|"
                r"for a bit|for a moment|now|right now|a little|just|for a while|im busy|a second|"
                r"a while|there|in an hour|thanks))*"
            ),
        ],
        Mark.WILL_TAKE: [
            (
                rf"(?:ill|i will|im going to|im about to|i am going to|i shall|im gonna|let me|i plan to|"
                rf"i intend to|about to|going to) (?:go and |go |just |soon )?(?:take|have|swallow|do|"
                rf"get) {IT}"
            )
        ],
        Mark.TAKEN: [
            (
                rf"(?:yes )?(?:i ?ve |ive |i have |i |weve |have |we |i did |i just |ive just |"
                rf"ive only just )?(?:already |just |all |now |finally |only just |gone and )*(?:took|"
                rf"taken|swallowed|had|finished|downed|popped|drank|have taken|have had) (?:(?:all|both|"
                rf"my|the|of|all of|this|that|morning|evening|todays|blood pressure|heart|two|three|one|"
                rf"every|noon|lunchtime|night) )*{MEDICINE}{WHEN}|(?:my |the )?{MEDICINE} (?:is|are|were|"
                rf"was|have been|has been|already)?(?: all| already)? ?(?:taken|done|gone|swallowed|down)"
                rf"{WHEN}|{MEDICINE} taken"
            )
        ],
        Mark.TOOK: [
            (
                rf"(?:yes|yeah|yep|yup)(?: dear| i did)?(?= with| at| after| this| earlier| just| a| an|"
                rf" already| half| before){WHEN}"
            ),
            (
                rf"(?:i ?ve |ive |i have |i |weve |have |i did |i just |ive just |ive only just |did |"
                rf"we )?(?:already |just |all |now |only just |gone and )*(?:took|taken|swallowed|had|"
                rf"finished|downed|popped|have taken|have had)(?: {IT})?{WHEN}|i did(?: take (?:it|them|"
                rf"those|mine))?{WHEN}|(?:already )?(?:took|taken|swallowed|done|did)(?: (?:it|that|"
                rf"them))?{WHEN}|yes i have{WHEN}|i have{WHEN}|all (?:done|taken|gone|swallowed|down)|"
                rf"(?:its|they re|theyre|it is|they are|its all|theyre all) (?:all )?(?:done|taken|gone|"
                rf"swallowed|down){WHEN}|already did|done and dusted|down the hatch|"
                rf"they went down(?: fine)?|it went down(?: fine)?|took care of it|taken care of"
            ),
        ],
        Mark.NOT_TAKEN: [
            (
                rf"(?:(?:i|ive|have|no|yes|well) )*(?:havent|have not|didnt|did not|never|hadnt|not yet|"
                rf"not just yet|not as yet|not (?:taken|had|swallowed)|didnt even|forgot to|forgot about|"
                rf"forgot|clean forgot|completely forgot|missed|skipped|must have forgotten|"
                rf"ive forgotten|forgotten|wont|will not|refuse to|refuse|dont want to|do not want to|"
                rf"dont want|not going to|not gonna|im not|im not going to|dont feel like|havent yet|"
                rf"dont need|dont like|hate|spat out|spat|threw away|dropped|ran out of|hid|stopped|"
                rf"rather not|id rather not|would rather not|slipped my mind|it slipped my mind|"
                rf"it completely slipped my mind)(?: (?:to|yet|my|the|any|it|them|those|had|taken|take|"
                rf"taking|have|{MEDICINE}|today|this morning|a single|one|so|that|this|i|all|of|morning|"
                rf"evening|swallow|swallowed|got|round|to it|eat|about|at all|anymore|even|touched|touch|"
                rf"because|had the chance|had a chance|do|these|ever|out))*"
            ),
        ],
        Mark.DECLINED: [
            (
                r"(?:dont|do not) (?:call|send|get) (?:an |the |for an |any )?(?:ambulance|"
                r"emergency services|911|999|119)|no (?:ambulance|doctor) (?:is )?(?:needed|necessary|"
                r"required)|(?:i )?(?:dont|do not) (?:need|want|require) (?:to go to |any |the |an |"
                r"a )*(?:ambulance|doctor|nurse|hospital)(?: thanks| thank you| at all)*"
            ),
            (
                rf"(?:please )?(?:you )?(?:(?:dont|do not|no need to|theres no need to|"
                rf"there is no need to|never) (?:need to |have to |you )?)(?:call|phone|ring|bother|tell|"
                rf"disturb|send for|fetch|get|alert|contact|page|alarm|trouble|summon)(?: for)? {THE}(?:"
                rf"{PERSON}|them)(?: (?:please|for me|over this|for this|about this|about it|about that|"
                rf"yet|or anything))*|nobody needs to (?:come|know)|no one needs to (?:come|know)|"
                rf"(?:theres |there is )?no need(?: at all| for that| for all that)?|dont bother|"
                rf"i dont need (?:anything|anyone|anybody|that)|you dont have to do anything|"
                rf"not necessary|that wont be necessary|no fuss"
            ),
        ],
        Mark.NO: [
            (
                r"(?:no|nope|nah|naw|nay|negative|no no|noo+|not at all|certainly not|of course not|"
                r"absolutely not|no way|never|definitely not|not really|no sir|no maam|no siree|not me|"
                r"not today thanks|no thank you|no thanks|by no means|hell no|god no|goodness no|"
                r"heavens no|im not|i am not|i did not|i didnt|i wont|i will not|i dont|i do not|"
                r"i cant say i do|i havent|not a chance|i would rather not|id rather not|i said no|"
                r"i refuse|i dont want(?: to| it| that| any| them| this| you)*|i dont need(?: it| that|"
                r" this| anything| to)*|forget it|leave me alone|go away|i d rather not|nothing|none|not|"
                r"we didnt|it isnt|its not|that is not so|thats not true|wrong|not this time|not for me)"
            ),
        ],
        Mark.YES: [
            (
                r"(?:yes|yeah|yep|yup|yea|ya|aye|sure|sure thing|certainly|of course|absolutely|"
                r"definitely|ok|okay|right|right you are|correct|thats right|that is right|indeed|uh huh|"
                r"uhhuh|mhm|mm hm|mm hmm|mmhmm|mm|yes please|please do|please|by all means|i do|i am|"
                r"i would|i will|go ahead|exactly|alright|all right|affirmative|true|why not|"
                r"all right then|okay then|sure i do|yes sir|yes maam|yes dear|you bet|naturally|"
                r"quite so|quite|rather|as you like|okey dokey|roger|will do|good|great|fine by me|"
                r"yessir|yeh|yah|righto|right oh|that would be nice|that would be good|id like that|"
                r"i would like that|i agree|agreed|yes yes|thatd be great|that would be lovely|very good|"
                r"totally|lovely|got it|understood|it is|that is so|surely)"
            ),
        ],
        Mark.FINE: [
            rf"(?:{FINE} )+(?:i ?m|i am) {FINE}",
            r"nothing hurt|all fine|i feel (?:just |perfectly |quite )?(?:fine|ok|okay)",
            (
                rf"(?:i ?a?m|im|i feel|i am feeling|im feeling|im doing|i am doing) {SURE}{FINE}"
                rf"(?: (?:now|again|here|really|thank you|thanks|today))*"
            ),
            (
                rf"(?:fine|ok|okay|alright|all right) (?:thank you|thanks|dear thanks)|(?:yes|yeah|yep|"
                rf"oh|just|perfectly|absolutely|totally|quite|completely|really|very|right) (?:just |"
                rf"perfectly |absolutely |totally |quite )?fine|{SURE}(?:unhurt|uninjured|perfectly ok|"
                rf"perfectly okay|perfectly alright|perfectly all right)|(?:feeling|doing) {SURE}(?:fine|"
                rf"ok|okay|good|well|great|alright|all right)|(?:everythings?|everything is|all is|alls|"
                rf"its all|it is all|things are) {SURE}(?:ok|okay|fine|alright|all right|good|well|"
                rf"in order)(?: (?:here|with me|now|really))*|all (?:good|is well|well|fine|okay|"
                rf"ok)(?: here)?|never better|couldnt be better|fit as a fiddle|right as rain|"
                rf"safe and sound|in one piece|a ok|no harm done|no damage(?: done)?|nothings (?:broken|"
                rf"wrong|the matter|hurt)|(?:theres |there is )?nothing (?:is )?(?:wrong|the matter|"
                rf"broken)(?: (?:with me|here|at all|really|happened|at all))*|nothing (?:hurts|"
                rf"is hurting|is hurt|aches)(?: (?:at all|anywhere|me))*|no (?:pain|injury|injuries|"
                rf"injuries at all|bones broken|broken bones|bruises|blood|pains|aches)(?: (?:at all|"
                rf"anywhere|here|whatsoever))*|(?:theres |there is |i have |i feel |im in |"
                rf"i am in )no (?:pain|injury|injuries|problem|problems)(?: (?:at all|anywhere|here))*"
            ),
            (
                r"(?:(?:i ?a?m|im|i was|i) )?(?:not|didnt get|wasnt|aint) (?:at all )?(?:hurt|injured|"
                r"in pain|in any pain|harmed)(?: (?:at all|anywhere|myself|or anything|one bit|"
                r"in the least|a bit))*|(?:i )?(?:didnt|did not|havent) (?:hurt|injured?|break|broken|"
                r"harm)(?: (?:myself|anything|any bones|at all|it))*|it (?:doesnt even|doesnt|does not|"
                r"didnt) hurt(?: (?:at all|anywhere))*|(?:i )?(?:dont|do not) (?:need|want|"
                r"require) (?:any |your |the |an |some |a |any more )*(?:help|assistance|hand|rescue|aid|"
                r"medical help|medical attention|rescuing)(?: (?:thanks|thank you|at all|for now|today|"
                r"now|here|right now))*|(?:theres |there is )?no need (?:for |to )(?:any |an |a |call |"
                r"help|send |get |the |me|worry|fuss|panic)*(?:help|ambulance|doctor|alarm|anyone|"
                r"concern|assistance|emergency)?(?: me)?|no (?:help|ambulance|doctor) (?:is )?(?:needed|"
                r"necessary|required)(?: thanks| thank you)*|without a scratch|not a scratch(?: on me)?|"
                r"help (?:is )?not (?:needed|necessary|required)"
            ),
        ],
        Mark.WELL: [
            rf"my {PART} (?:is|are) (?:fine|ok|okay|all right|alright)",
            r"(?:i |we )?(?:did not|didnt|havent|have not|never) (?:fall|fallen|fell|slip|trip)"
            r"(?: at all| over| down)?",
            r"very well",
            (
                r"no trouble(?: at all)?|(?:i ?m |im |i am )?not (?:even )?(?:bleeding|dizzy|sick|"
                r"in trouble)|(?:(?:i ?a?m|im|i feel|feeling) )?(?:very |quite |pretty |really )*(?:well|"
                r"good|great|wonderful|lovely|fantastic|excellent|super|rested|healthy|marvelous|"
                r"marvellous|grand|splendid|content|cosy|cozy|relaxed)(?: (?:today|this morning|thanks|"
                r"tonight))*|never felt better|couldnt be better"
            ),
        ],
        Mark.HESITATION: [r"u+m+|u+h+|e+r+m*|h+m+|m+m+|umm uh|well (?:um|uh|er)"],
        Mark.HARMLESS: [
            r"(?:i was |i am |im |i |well )*(?:just |only )*(?:sat|sitting|sit|knelt|kneeling|bent|"
            r"bending|"
            r"crouched|crouching|tying|picking|reaching|looking|cleaning|wiping|stretching|resting|playing|"
            r"fixing|plugging|doing|dusting|exercising|feeding|fetching|hoovering|sweeping|gardening|"
            r"knitting|"
            r"reading|polishing|sorting|watering|warming|cooling)(?: (?:down|up|here|there|on|under|"
            r"underneath|"
            r"over|for|to|at|with|of|by|the|a|my|his|her|this|that|some|behind|out|in|into|floor|carpet|rug|"
            r"bed|sofa|table|chair|cupboard|drawer|drawers|plug|socket|lamp|light|shoes?|laces|shoelaces|"
            r"slippers|socks|glasses|spectacles|keys|phone|remote|coin|coins|pen|book|paper|newspaper|letter|"
            r"jigsaw|puzzle|cat|dog|plants?|flowers?|toys?|grandson|granddaughter|grandchildren|grandkids|"
            r"reach|pick|get|find|look|fetch|fix|tie|put|bit|exercises|yoga|stretches|crossword|"
            r"photos|album|dusting|crumbs|mess|spill))*",
            r"(?:to )?(?:reach|pick up|plug in|tie|dust|polish) (?:the|my|a|some) \w+|"
            r"(?:the|my) (?:nurse|carer|daughter|son|wife|husband|caregiver|girl|lady) (?:gave|brought|"
            r"handed) "
            r"(?:them|it|me|those)(?: (?:to me|them|it|my pills|my tablets))?(?: and)?|"
            r"(?:had|having) a (?:lovely|nice|good|big|quiet) (?:breakfast|lunch|dinner|sleep|nap|day|"
            r"morning)|"
            r"silly (?:me|old me|of me)|clumsy (?:me|old me|of me)|"
            r"(?:down|up|over|out|in|back) (?:here|there)|with my (?:jigsaw|book|puzzle|knitting|plants?|"
            r"cat|dog|"
            r"tea|paper|crossword|sewing|album|photos|grandson|granddaughter|stretches|exercises)|"
            r"(?:i )?(?:just )?(?:wanted|needed|meant) to (?:sit|reach|pick|look|get|rest|stretch)"
            r"(?: (?:down|"
            r"up|it|the|my|for|at|a|bit|while|keys|glasses|slippers|cat))*|to (?:reach|pick up|get|find|look "
            r"for|fetch|plug in|feed|dust|polish|sort)(?: (?:the|my|a|some|that|this|his|her) \w+)?",
            (
                r"(?:im |i am )?(?:just |only )?(?:a bit |a little )?(?:tired|sleepy)|(?:that|it|"
                r"this) was nothing|because i (?:want|like) to|"
                r"go back to (?:work|bed|sleep|your work)|i was (?:only |just )?(?:in|on|at) (?:the|"
                r"my) \w+|having (?:a|my|some) (?:cup of )?\w+|i really am|for checking on me"
            ),
            (
                r"(?:i was |im |i am |i have been |ive been )?(?:just |only |merely |"
                r"busy )*(?!dying|bleeding|hurting|aching|choking|drowning|crying|shaking|struggling|"
                r"suffering|waiting|feeling|trying|going|getting|fainting|vomiting|falling|pretending|"
                r"kidding|acting|saying|joking|burning|stinging|throbbing|swelling|losing|having|being|"
                r"seeing|spinning|sweating|screaming|calling|needing|nothing|something|anything|"
                r"everything|wondering|thinking|hoping|guessing|lying to|morning|evening|missing|"
                r"breathing|shivering|freezing|panicking|freaking|raining|snowing|"
                r"limping)\w+ing(?: (?:the|my|a|an|some|with|on|for|in|up|under|to|at|off|around|down|"
                r"out|and|over) (?!pain|agony|trouble|blood|help|ambulance|doctor|hospital)\w+){0,3}"
                r"(?: \w+ing)?"
            ),
            (
                r"(?:dont you worry|never mind|dont worry|stop fussing|dont fuss|"
                r"no need to fuss)(?: about| over)? (?:me|it|that|a thing)|i (?:just |only )?(?:meant|"
                r"wanted|bent down|knelt down|sat down|got down|leaned over|lay down|lay|sat|"
                r"came down) (?:down )?(?:here )?(?:to )?(?:sit|lie|rest|pick (?:up )?(?:something|it|"
                r"my \w+|the \w+)(?: up)?|stretch|look|clean|get (?:my|the) \w+|play|pet the \w+|"
                r"reach (?:the|my) \w+|on purpose)(?: down| up| here| on the floor)?|"
                r"its all under control|everything under control|im a tough (?:old )?\w+|tough as nails|"
                r"all is in order|nothing happened|nothing to report|nothing bad happened"
            ),
            r"i (?:slept|ate) well",
            (
                r"no problems?(?: (?:here|at all))*|(?:theres |there is )?nothing to worry about|"
                r"for a (?:second|moment)"
            ),
            (
                r"(?:no )*(?:i )?(?:really )?(?:didnt|did not|havent|have not|never) (?:actually |"
                r"really )?(?:fall|slip|trip|fallen|slipped|tripped|fell)(?: (?:down|over|at all|off|"
                r"or anything))*"
            ),
            (
                r"(?:oh|ah|well|hey|hi|hello|dear|love|thank|thanks|thank you|thank you very much|"
                r"thank you so much|thanks so much|cheers|ta|very much|really|robot|honey|sweetheart|"
                r"darling|my dear|my friend|bless you|no worries|no problem|not to worry|never mind|"
                r"nevermind|dont worry|do not worry|dont you worry|no need to worry|dont fuss|"
                r"stop worrying|no fuss|dont worry about me|you can go|carry on|nothing to see here|"
                r"thats all|that is all|i swear|honestly|i promise|trust me|believe me|i said|i told you|"
                r"i tell you|as i said|look|see|listen|you see|you know|goodness|heavens|gosh|silly me|"
                r"oops|whoops|oopsie|phew|sorry|my apologies|excuse me|today|now|here|just|only|"
                r"completely|perfectly|thankfully|luckily|fortunately|actually|both|ha|haha|so|very kind|"
                r"kind of you|thats kind|for asking|for checking|for your concern|for caring|"
                r"for the concern|for looking after me|of you|its nothing|it was nothing|it is nothing|"
                r"its ok dont worry|young man|lad|dearie|i assure you|as you can see|again|always|"
                r"good morning|good evening|and|false alarm|just a false alarm|it was a false alarm|"
                r"its a false alarm|was a false alarm|a false alarm|that was a false alarm|"
                r"this is a false alarm|you startled me|you scared me for nothing|all by myself|how kind|"
                r"nice of you|thats nice of you|its okay|its ok|its fine|it is fine|its alright|"
                r"its all right|it is okay|thats fine|thats okay|honest|be|leave me be|let me be|"
                r"(?:just |only )?(?:a bit |a little |rather |quite )?(?:embarrassed|startled|surprised|"
                r"clumsy|silly|tired)|how silly|clumsy me|cross my heart|i mean it|fuss|thanks anyway|"
                r"im up|see you|youre kind|you are kind|how sweet|you know me|no big deal|"
                r"its no big deal|not a problem|off you go|off you pop|as ever|as always|as usual|"
                r"same as always|at all|everyone|go on|relax|calm down|mate|pal|buddy|sir|madam|maam|"
                r"still|right now|the way i am|where i am|like this|here on the floor|down here|"
                r"on the floor)"
            ),
            (
                r"(?:i |i was |i am |im |ive |only |just |i just |im just |im only |i was just |"
                r"i was only |i merely |merely |deliberately |i deliberately )*(?:sat|sit|sitting|lay|"
                r"lie|lying|laying|knelt|kneel|kneeling|resting|rest|rested|stretching|stretch|"
                r"exercising|exercise|doing (?:my |some )?(?:exercises|yoga|stretches|gymnastics|pilates|"
                r"push ups|sit ups)|cleaning|mopping|scrubbing|dusting|looking (?:for|under)|"
                r"look(?:ed)? (?:for|under)|searching(?: for)?|reaching(?: for)?|reach(?:ed)? for|"
                r"picking up|picked up|pick up|playing|play|played|petting|praying|napping|"
                r"having a (?:nap|rest|lie down|sit|sit down|little rest|little nap|lie)|taking a (?:nap|"
                r"rest|break|breather)|took a (?:nap|rest|break)|relaxing|meditating|watching (?:tv|"
                r"television|telly|the telly)|reading|tying|tied|tie|fixing|bending|bent down|crouching|"
                r"crouched|wiping|wiped|gardening|sleeping|dozing|having fun|dropped|putting on|"
                r"changing)(?: (?:down|here|there|on|the|a|my|floor|rug|carpet|mat|bit|little|for|to|"
                r"sofa|couch|bed|rest|sit|nap|with|cat|dog|glasses|keys|key|phone|remote|book|pen|coin|"
                r"slippers|slipper|shoes|shoe|shoelaces|laces|under|up|something|moment|while|minute|"
                r"on purpose|purpose|stretch|back|muscles|grandson|granddaughter|grandchildren|puppy|"
                r"kitten|kids|exercise|exercises|yoga|and|because|its|cool|warm|shelf|table|cup|spoon|"
                r"button|ring|spilled|spilt|water|some|tea|sock|socks|comfortably|in|sun|quietly|around|"
                r"is|all|thats|paper|newspaper|cushion|knees|hearing|it|happily|picture|photo|puzzle|"
                r"letter|drawer|cupboard|chair|plug|lamp|cable|ground))*"
            ),
            (
                r"(?:i |and |i can |and i can |ill |i will |im |i am |ive |i have |already |i just |"
                r"and im |see im |im already |i m |ive already |i can easily |and i |look im |"
                r"i can still )*(?:get(?:ting)? (?:back )?up|got (?:back )?up|stand(?:ing)?(?: up)?|"
                r"stood up|move|moving|walk(?:ing)?|up|up again|back up|on my feet|back on my feet|"
                r"gotten up)(?: (?:by myself|on my own|myself|alone|now|just fine|fine|again|already|"
                r"without help|easily|no problem|around|everything|my arms|my legs|and|all by myself|"
                r"on my feet|in a second))*"
            ),
        ],
        Mark.ASIDE: [
            r"what if(?: \w+)*",
            (
                rf"(?:the|this|that|these|those|such|such an?|what an?) (?:\w+ )?(?:movie|film|show|"
                rf"weather|food|soup|tea|coffee|news|song|music|programme|program|game|rain|traffic|joke|"
                rf"story|book|singer|actor|series|drama|picture|meal|dinner|lunch|match|team|channel|"
                rf"advert|dog|cat|bird|plant|price|prices|government|politics){REST_OF}|"
                rf"it was (?:painful|hard|terrible|awful) to (?:watch|see|hear|read)"
            ),
            (
                r"what(?:s| is| are| will)? (?:the |todays |on |for |we |a |your |is |this |"
                r"that )*(?:time|day|date|weather|year|month|dinner|lunch|breakfast|tv|name|nice|lovely|"
                r"having|medicine|pill|programme)(?: \w+)*"
            ),
            (
                r"(?:bus|train|tram|full|pit|next|last|first|door|whistle|short|non) stops?(?: \w+)*|"
                r"(?:dont|do not|didnt|did not|never|wont|will not|cant|cannot|doesnt|couldnt|"
                r"can not) (?:ever )?stop(?: \w+)*|stop(?:ped|s|ping)? (?:by|off|at|in|over|raining|"
                r"snowing|for|talking|asking|working|to)(?: \w+)*|(?:rain|clock|bus|music|car|train|it|"
                r"watch|he|she|they|snow|heart|elevator|washing machine|wind) (?:has |had |will |just |"
                r"did |finally |to )?(?:stop|stopped|stops)(?: \w+)*|nonstop|stopped|stopping|stops"
            ),
            (
                r"(?:thanks?|thank you|grateful|thanking you|appreciate)(?: (?:so much|very much|a lot|"
                r"again))? for(?: (?:all|your|the|of|that|this|kind))* help(?:ing)?(?: (?:me|us|earlier|"
                r"today|yesterday|out))*|(?:you|he|she|they|it|that|she always|robots|we|did you|do you|"
                r"didnt you) (?:always |really |have |can |will |would |all |kindly |so )?help(?:ed|s|"
                r"ing)?(?: (?:me|us|him|her|them|a lot|so much|with|out|cook|my))*|help(?:ful|er|ers|ing|"
                r"ed|s|less|line)|(?:may|can|could|shall|should) i help(?: you)?|how (?:can|"
                r"may) i help(?: you)?|i (?:help|helped)(?: \w+){0,3}|do you need (?:help|any help)|"
                r"need any help|self help|help yourself|help wanted|cant help (?:it|laughing|but|myself|"
                r"smiling|thinking)|cannot help it|couldnt help laughing"
            ),
            (
                r"(?:what|too) (?:bad|a pain)|bad (?:weather|news|joke|boy|girl|luck|dog|cat|idea|"
                r"programme|program|show)|sick of(?: \w+)*|die hard|to die for|dying to(?: \w+)*|"
                r"hard (?:boiled|work|worker)|hurt (?:feelings|his|her|their)|blood (?:pressure|type|"
                r"test|sugar|orange)|ill (?=(?:be|take|do|have|see|get|go|wait|think|just|tell|let|call|"
                r"try|need|not|never|eat|sit|stand|finish|rest|sleep|come|ask|remember|swallow|make|"
                r"watch|check|stay|manage|probably|definitely|certainly|never|soon|also|always)\b)|"
                r"ill (?=later|soon)|cut (?:the|some|up|flowers)(?: \w+)*|breath of fresh air|"
                r"breaks? (?:time|fast)|burning (?:question|candle|toast)|fire(?:place|works|fly|man)|"
                r"a fire in the fireplace|(?:are you|is it|does it|do you|where does it|is he|is she|"
                r"are they|has he|who is|was he|was she) (?:\w+ )?(?:hurts?|injured|sick|in pain|ok|okay|"
                r"fine|bleeding|dizzy|all right|alright|well|broken)|cold (?:soup|water|drink|tea)|"
                r"no wonder|(?:the|a|my) (?:doctor|nurse|hospital) (?:drama|show|series|appointment|told|"
                r"said|came|says|is|was|comes)(?: \w+)*|pain(?:ting|ted|ter)|burn(?:ed)? the \w+|"
                r"my favou?rite(?: \w+)*"
            ),
        ],
    }
)
